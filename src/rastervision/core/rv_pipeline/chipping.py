"""From scenes to training samples: the part of CHIP that no backend changes."""

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data import Scene, SceneConfig
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.scenes import Split
from rastervision.core.sampling import windows_of_scene
from rastervision.core.utils.read_ahead import map_ahead
from rastervision.pipeline.errors import ConfigError

READERS = 2
"""Threads that read windows while others are written."""


def chip_rng(split: Split, scene_id: str) -> np.random.Generator:
    """Return the source of randomness of a scene: the same in every run and on every worker."""
    return np.random.default_rng(zlib.crc32(f'{split}/{scene_id}'.encode()))


def require_labels(scene: SceneConfig) -> None:
    """Raise ConfigError when a scene cannot be trained on for lack of labels."""
    if scene.label_source is None:
        raise ConfigError(
            f'Scene {scene.id!r} is a train or validation scene and has no label_source.'
        )


def scene_samples(
    scene: Scene,
    split: Split,
    options: ChipOptions,
    windows: Iterable[Box] | None = None,
) -> Iterator[DataSample]:
    """Yield the samples of a scene that pass the filters, window by window.

    Reading runs ahead in threads; the order is that of the windows.

    Args:
        scene: A scene with labels.
        split: What the samples are for.
        options: Windows and filters.
        windows: Use these windows instead of those that ``options`` ask for.
    """
    rng = chip_rng(split, scene.id)
    if windows is None:
        windows = windows_of_scene(scene, options.sampling_for(scene.id), rng)

    def read(window: Box) -> DataSample:
        chip, label = scene[window]
        return DataSample(chip, label, split, scene.id, window)

    for sample in map_ahead(read, windows, ahead=2 * READERS, workers=READERS):
        if options.keep_chip(sample.chip, sample.label, rng):
            yield sample
