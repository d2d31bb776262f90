"""Scores of experiments, against the options that differ between them."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from rastervision.core.config_diff import differences
from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.summary import BALANCED, METRICS, is_average, metric_of
from rastervision.pipeline.errors import ConfigError, NotReadableError, RVError, did_you_mean
from rastervision.pipeline.file_system import (
    file_exists,
    file_to_json,
    get_tmp_dir,
    is_local,
    str_to_file,
)
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.stable_names import stable
from rastervision.pipeline.loading import config_uri
from rastervision.pipeline.pipeline import PipelineConfig
from rastervision.pipeline.progress import shortened
from rastervision.pipeline.public_text import public_uri
from rastervision.pipeline.standing import RUNS, outdated
from rastervision.pipeline.tables import aligned, table, wrapped

AVERAGE = 'average'
MAX_OPTIONS = 6
CELL = 32
"""Options, and characters of each, that the table for people shows."""

PLACES = {'output_uri', *(f'{name}_uri' for name in layout.STAGES)}
"""Fields that say where outputs are."""


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of an experiment on a group of scenes.

    Attributes:
        experiment: Its name: the last folder of its root, or the root if others end alike.
        root_uri: Its root, without credentials.
        options: Options that differ between the experiments -> values, None for what it lacks.
        scenes: Name of the scene group.
        name: Name of a class or target, or 'average'.
        metrics: Name -> value, None for what it lacks.
    """

    experiment: str
    root_uri: str
    options: dict[str, Any]
    scenes: str
    name: str
    metrics: dict[str, float | None]


def compare(
    roots: Sequence[str], names: Sequence[str] = (), metrics: Sequence[str] = ()
) -> list[Row]:
    """Compare experiments.

    Args:
        roots: Their root URIs.
        names: Names of classes or targets to tell the scores of, besides the average.
        metrics: Names of the metrics to tell; the usual ones of the task if empty.

    Returns:
        Rows with the same options and metrics, those that can be compared one after the other.

    Raises:
        ConfigError: No experiment has a class or metric of such a name.
        NotReadableError: A config or scores cannot be read, or there are no scores.
    """
    configs = [file_to_json(config_uri(root)) for root in roots]
    options = differences([stable(config) for config in configs])
    scores = [_scores(config, root) for config, root in zip(configs, roots, strict=True)]
    items = [item for of_groups in scores for items in of_groups.values() for item in items]
    if not items:
        raise NotReadableError(f'No scores below {", ".join(roots)}; run EVAL first.')
    shown = _shown_metrics(items, metrics)
    places = _places(scores, names)
    shown_roots = [public_uri(root) for root in roots]
    names_of = _names(shown_roots)
    rows = []
    for scenes, name in places:
        for i, of_groups in enumerate(scores):
            item = next((x for x in of_groups.get(scenes, ()) if name_of(x) == name), None)
            if item is not None:
                chosen = {option: values[i] for option, values in options.items()}
                found = {metric: metric_of(item, metric) for metric in shown}
                rows.append(Row(names_of[i], shown_roots[i], chosen, scenes, name, found))
    return rows


def name_of(item: dict[str, Any]) -> str:
    """Return the class or target that an evaluation item is about."""
    return AVERAGE if is_average(item) else str(item.get('class_name', item.get('target')))


def doubts(roots: Iterable[str], rows: Iterable[Row]) -> list[str]:
    """Tell which experiments have no scores, or others than their config would give now."""
    found = []
    scored = {row.root_uri for row in rows}
    for root in roots:
        shown = public_uri(root)
        if shown not in scored:
            found.append(f'{shown} has no scores: EVAL has not run.')
        elif reason := _why_outdated(root):
            found.append(f'The scores of {shown} are not up to date: {reason}.')
    return found


def as_table(rows: Sequence[Row], width: int | None = None) -> str:
    """Format rows for people; places of outputs, and options beyond MAX_OPTIONS, are counted only.

    Args:
        rows: From `compare`.
        width: Of a terminal. If one table does not fit, options are in lines of their own, and
            there is a table for each group of scenes and each class.
    """
    options = rows[0].options
    shown = [name for name in options if name.rpartition('.')[2] not in PLACES][:MAX_OPTIONS]
    cells = [['experiment', *shown, 'scenes', 'of', *rows[0].metrics]]
    for row in rows:
        chosen = (_text(row.options[name]) for name in shown)
        cells.append([row.experiment, *chosen, row.scenes, row.name, *_numbers(row)])
    lines = aligned(cells)
    if width is None or max(map(len, lines)) <= width:
        text = '\n'.join(lines)
    else:
        text = _narrow(rows, shown, width)
    if more := len(options) - len(shown):
        text += f'\n{more} more option{" differs" if more == 1 else "s differ"}; --out writes all.'
    return text


def _narrow(rows: Sequence[Row], options: Sequence[str], width: int) -> str:
    chosen = {
        row.experiment: ', '.join(f'{name}={_text(row.options[name])}' for name in options)
        for row in rows
    }
    lines = [wrapped(f'{name}: {text}', width, '  ') for name, text in chosen.items() if text]
    sections = ['\n'.join(lines)] if lines else []
    for (scenes, name), group in groupby(rows, lambda row: (row.scenes, row.name)):
        scores = [[row.experiment, *_numbers(row)] for row in group]
        cells = [['experiment', *rows[0].metrics], *scores]
        sections.append(f'{scenes}, {name}:\n{table(cells, width)}')
    return '\n\n'.join(sections)


def _numbers(row: Row) -> list[str]:
    return ['-' if value is None else f'{value:.3f}' for value in row.metrics.values()]


def as_csv(rows: Sequence[Row]) -> str:
    """Format rows as CSV; an empty cell is what an experiment lacks."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator='\n')
    out.writerow(['experiment', 'root_uri', *rows[0].options, 'scenes', 'of', *rows[0].metrics])
    for row in rows:
        options = ('' if v is None else _plain(v) for v in row.options.values())
        names = (row.experiment, row.root_uri, *options, row.scenes, row.name)
        out.writerow([*names, *row.metrics.values()])
    return text.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """Format rows as a list of objects."""
    return json.dumps(
        [
            {
                'experiment': row.experiment,
                'root_uri': row.root_uri,
                'options': row.options,
                'scenes': row.scenes,
                'name': row.name,
                'metrics': row.metrics,
            }
            for row in rows
        ],
        indent=2,
    )


def write(rows: Sequence[Row], uri: str) -> None:
    """Write rows to a .csv or .json file.

    Raises:
        ConfigError: The file is to have another ending.
        NotWritableError: It cannot be written.
    """
    formats = {'.csv': as_csv, '.json': as_json}
    suffix = PurePosixPath(uri).suffix.lower()
    if suffix not in formats:
        raise ConfigError(f'--out {uri}: name a file that ends with .csv or .json.')
    str_to_file(formats[suffix](rows), uri)


def _scores(config: dict[str, Any], root: str) -> dict[str, list[dict[str, Any]]]:
    """Return the evaluation items of each scene group that has scores."""
    old_root = str(config.get('root_uri') or root).rstrip('/')
    default = config.get('eval_uri') or layout.stage_uri(root, 'eval')
    folders = [e.get('output_uri') or default for e in config.get('evaluators') or [{}]]
    found: dict[str, list[dict[str, Any]]] = {}
    for group in (config.get('dataset') or {}).get('scene_groups') or ():
        for folder in dict.fromkeys(folders):
            # the folder of the experiment may have been moved since it ran
            is_below = folder.startswith(f'{old_root}/')
            place = root.rstrip('/') + folder.removeprefix(old_root) if is_below else folder
            uri = layout.eval_uri(place, group)
            if file_exists(uri, include_dir=False):
                content = file_to_json(uri)
                items = content.get('overall') if isinstance(content, dict) else content
                if not (isinstance(items, list) and all(isinstance(i, dict) for i in items)):
                    raise NotReadableError(f'{uri} is no eval.json: it lists no scores.')
                found.setdefault(group, []).extend(items)
    return found


def _why_outdated(root: str) -> str | None:
    """Why EVAL would run; None if it would not, or if nobody can tell from here."""
    try:
        config = PipelineConfig.from_file(config_uri(root))
        if not _is_same(config.root_uri or '', root):
            return None  # it was moved: what it reads and writes is not where its config says
        with get_tmp_dir() as tmp_dir:
            found = outdated(config.build(tmp_dir))
    except RVError:
        return None
    if 'eval' not in found:
        return None
    causes = (f'{name.upper()}: {why}' for name, why in found.items() if not why.endswith(RUNS))
    return next(causes, found['eval'])


def _is_same(root: str, other: str) -> bool:
    if is_local(root) and is_local(other):
        return to_path(root).resolve() == to_path(other).resolve()
    return root.rstrip('/') == other.rstrip('/')


def _shown_metrics(items: Sequence[dict[str, Any]], asked: Sequence[str]) -> list[str]:
    known = dict.fromkeys(name for item in items for name in item.get('metrics', {}))
    for name in asked:
        if name not in known:
            raise ConfigError(
                f'There is no metric {name!r}.{did_you_mean(name, known)} '
                f'The metrics are: {", ".join(known)}.'
            )
    usual = [*METRICS, *(name for name, _ in BALANCED)]
    return list(asked) or [name for name in usual if name in known]


def _places(
    scores: Sequence[dict[str, list[dict[str, Any]]]], names: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the scene groups, each with the average and the classes that are asked for.

    All classes are asked for in a group without an average.
    """
    known: dict[str, set[str]] = {}
    for of_groups in scores:
        for group, items in of_groups.items():
            known.setdefault(group, set()).update(map(name_of, items))
    classes = sorted(set().union(*known.values()) - {AVERAGE})
    for name in names:
        if name not in {*classes, AVERAGE}:
            raise ConfigError(
                f'There are no scores of {name!r}.{did_you_mean(name, classes)} '
                f'There are those of: {", ".join(classes)}.'
            )
    return [
        (group, name)
        for group, there in known.items()
        for name in dict.fromkeys([AVERAGE, *names] if AVERAGE in there else names or sorted(there))
    ]


def _names(roots: Sequence[str]) -> list[str]:
    last = [PurePosixPath(root.replace('\\', '/')).name for root in roots]
    return [name if last.count(name) == 1 else root for name, root in zip(last, roots, strict=True)]


def _text(option: Any) -> str:
    return '-' if option is None else shortened(str(_plain(option)), CELL)


def _plain(option: Any) -> Any:
    """Return an option as it is in JSON, texts without quotes."""
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)
