"""What is wrong between scenes: shared images, classes without labels, images of several kinds."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data import ClassConfig, SceneConfig
from rastervision.core.rv_pipeline.scenes import file_sources
from rastervision.core.rv_pipeline.validation.findings import SceneFindings, Use
from rastervision.pipeline.file_system.stable_names import stable_uri
from rastervision.pipeline.validation import Problem

LEARNT_FROM = 'train'
SCALE_FACTOR = 2
FEW = 1e-3
"""Share of all labels below which a class is said to be rare."""

MANY_CLASSES = 10


def problems_between(
    configs: Sequence[SceneConfig], found: Sequence[SceneFindings], classes: ClassConfig
) -> Iterator[Problem]:
    """Yield what is wrong, or looks so, between scenes.

    Args:
        configs: The scenes.
        found: What was found out about them, in the same order.
        classes: The classes.
    """
    yield from _shared_images(configs, found)
    yield from _channels(found)
    yield from _scales(found)
    yield from _classes(found, classes)


def class_counts(found: Iterable[SceneFindings], use: Use) -> NDArray[np.int64] | None:
    """(K,) labels of each class in the scenes for a use; None without any scene with labels."""
    counts = [f.labels.counts for f in found if use in f.uses and f.labels is not None]
    return np.array(counts, dtype=np.int64).sum(axis=0) if counts else None


def _shared_images(
    configs: Sequence[SceneConfig], found: Sequence[SceneFindings]
) -> Iterator[Problem]:
    """Pixels that are trained on and scored."""
    by_images: dict[tuple[str, ...], list[SceneFindings]] = {}
    for config, f in zip(configs, found, strict=True):
        by_images.setdefault(_images(config), []).append(f)
    for images, group in by_images.items():
        learnt = [f for f in group if LEARNT_FROM in f.uses]
        scored = [f for f in group if LEARNT_FROM not in f.uses]
        for first, second in product(learnt, scored if images else []):
            if _overlap(first, second):
                yield _warning(
                    f'scene {second.id!r}',
                    f'it shows pixels of the train scene {first.id!r}, too ({", ".join(images)}), '
                    'so its scores say little of new images. Use another image, or areas of '
                    'interest that do not overlap.',
                    kind='shared image',
                )
    for f in found:
        if LEARNT_FROM in f.uses and len(f.uses) > 1:
            uses = ' and '.join(f.uses)
            yield _warning(f'scene {f.id!r}', f'it is used for {uses}, so its scores say little.')


def _images(config: SceneConfig) -> tuple[str, ...]:
    uris = (source.uris for source in file_sources(config))
    return tuple(
        sorted({stable_uri(u) for us in uris for u in ([us] if isinstance(us, str) else us)})
    )


def _overlap(a: SceneFindings, b: SceneFindings) -> bool:
    return a.area is not None and b.area is not None and a.area.intersection(b.area).area > 0


def _channels(found: Sequence[SceneFindings]) -> Iterator[Problem]:
    by_count: dict[int, list[str]] = {}
    for f in found:
        if f.image is not None:
            by_count.setdefault(f.image.channels, []).append(f.id)
    if len(by_count) > 1:
        listing = ', '.join(f'{count} in {_some(ids, 3)}' for count, ids in by_count.items())
        yield Problem(
            'scenes',
            f'a model needs images with one number of channels, but there are {listing}; set '
            'channel_order.',
            is_error=True,
        )


def _scales(found: Sequence[SceneFindings]) -> Iterator[Problem]:
    by_unit: dict[str | None, list[tuple[float, str]]] = {}
    for f in found:
        if f.image is not None and f.image.pixel_size is not None:
            by_unit.setdefault(f.image.unit, []).append((f.image.pixel_size[0], f.id))
    for unit, sizes in by_unit.items():
        (low, fine), (high, coarse) = min(sizes), max(sizes)
        if high > SCALE_FACTOR * low:
            yield _warning(
                'scenes',
                f'pixels differ in size: {low:.3g} {unit} in {fine!r}, {high:.3g} in {coarse!r}. '
                'A model that is to be good at both needs both in training.',
            )


def _classes(found: Sequence[SceneFindings], classes: ClassConfig) -> Iterator[Problem]:
    names = classes.names
    nodata = classes.null_class if classes.null_is_nodata else None
    counted = [i for i, name in enumerate(names) if name != nodata]
    for use in ('train', 'validation'):
        counts = class_counts(found, use)
        if counts is None or not counts.any():
            continue
        missing = [names[i] for i in counted if not counts[i]]
        if missing:
            result = 'the model cannot learn' if use == LEARNT_FROM else 'EVAL cannot score'
            yield _warning(
                f'{use} scenes',
                f'there is no label of {_some(missing)}; {result} what is not there.',
            )
        is_of_classes = any(f.labels is not None and f.labels.unit != 'values' for f in found)
        rare = [names[i] for i in counted if 0 < counts[i] < FEW * counts[counted].sum()]
        if rare and use == LEARNT_FROM and is_of_classes:
            yield _warning(f'{use} scenes', f'less than {FEW:.1%} of the labels are {_some(rare)}.')


def _some(names: Sequence[str], most: int = MANY_CLASSES) -> str:
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def _warning(where: str, message: str, kind: str = '') -> Problem:
    return Problem(where, message, is_error=False, kind=kind)
