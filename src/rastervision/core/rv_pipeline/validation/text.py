"""What was found out, as tables for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from rastervision.core.rv_pipeline.validation.across import class_counts
from rastervision.core.rv_pipeline.validation.findings import ImageFacts, SceneFindings, Use
from rastervision.core.rv_pipeline.validation.needs import Need
from rastervision.pipeline.tables import table, terminal_width, wrapped

MAX_SCENES = 50
UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')
STEP = 1024
LEAST = 1e-3
USES: tuple[Use, ...] = ('train', 'validation', 'test')


def as_text(
    found: Sequence[SceneFindings],
    class_names: Sequence[str],
    commands: Iterable[Need],
    machine: dict[str, Any],
    parameters: int | None,
) -> str:
    """Return tables of scenes, classes and commands, and a line on the machine.

    On a terminal they fit its width.
    """
    width = terminal_width()
    sections = [_scenes(found, width), _classes(found, class_names, width)]
    sections += [_commands(commands, width), wrapped(_machine(machine, parameters), width)]
    return '\n\n'.join(section for section in sections if section)


def size(count: float | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return '-'
    unit = 0
    while count >= STEP and unit < len(UNITS) - 1:
        count, unit = count / STEP, unit + 1
    return f'{count:.3g} {UNITS[unit]}'


def _scenes(found: Sequence[SceneFindings], width: int | None) -> str:
    rows = [('scene', 'used for', 'size', 'channels', 'CRS', 'pixel', 'nodata', 'labels', 'AOI')]
    rows += [
        (f.id, ', '.join(f.uses), *_image(f.image), _nodata(f), _labels(f), _share(f.aoi))
        for f in found[:MAX_SCENES]
    ]
    more = len(found) - MAX_SCENES
    lines = [table(rows, width)] + ([f'... and {more} more scenes'] if more > 0 else [])
    if any(f.pixels is not None and f.pixels.share < 1 for f in found):
        lines.append('~: from some windows of the scene, drawn at random.')
    return '\n'.join(lines)


def _image(image: ImageFacts | None) -> tuple[str, str, str, str]:
    if image is None:
        return ('?', '?', '?', '?')
    pixel = '-'
    if image.pixel_size is not None:
        pixel = f'{image.pixel_size[0]:.3g} {image.unit or ""}'.rstrip()
    channels = f'{image.channels} {image.dtype}'
    return f'{image.height}x{image.width}', channels, image.crs or 'none', pixel


def _nodata(found: SceneFindings) -> str:
    if found.pixels is None:
        return '?'
    return ('~' if found.pixels.share < 1 else '') + _share(found.pixels.nodata)


def _labels(found: SceneFindings) -> str:
    if found.labels is None:
        return '-'
    if found.labels.unit == 'pixels':
        return f'over {_share(found.labels.overlap)}'
    return f'{sum(found.labels.counts):,} {found.labels.unit}'


def _share(value: float | None) -> str:
    if value is None:
        return '-'
    return '<0.1 %' if 0 < value < LEAST else f'{100 * value:.3g} %'


def _classes(found: Sequence[SceneFindings], names: Sequence[str], width: int | None) -> str:
    labelled = [f.labels for f in found if f.labels is not None]
    if not labelled:
        return ''
    unit = labelled[0].unit
    sign = '~' if any(labels.is_estimate for labels in labelled) else ''
    columns = {use: class_counts(found, use) for use in USES}
    present = {use: counts for use, counts in columns.items() if counts is not None}

    def cell(count: int, total: int) -> str:
        is_share = total and unit != 'values'  # a cell may have values of several targets
        return f'{sign}{count:,}' + (f' ({_share(count / total)})' if is_share else '')

    rows = [('target' if unit == 'values' else 'class', *present)]
    for i, name in enumerate(names):
        rows.append((name, *(cell(int(c[i]), int(c.sum())) for c in present.values())))
    return f'Labels, in {unit}:\n{table(rows, width)}'


def _commands(commands: Iterable[Need], width: int | None) -> str:
    rows = [('command', 'work', 'memory, about', 'disk, at most')]
    rows += [(need.command, need.work, size(need.memory), size(need.disk)) for need in commands]
    if len(rows) == 1:
        return ''
    return f'{table(rows, width)}\nMemory is without that of libraries.'


def _machine(machine: dict[str, Any], parameters: int | None) -> str:
    gpus = machine['gpus']
    parts = [f'GPUs: {gpus}' if gpus else 'no GPU']
    if machine['free_disk'] is not None:
        parts.append(f'free disk: {size(machine["free_disk"])}')
    if parameters is not None:
        parts.append(f'parameters of the model: {parameters:,}')
    return f'This machine: {parts[0]}' + ''.join(f'; {part}' for part in parts[1:])
