"""From scenes to training samples: the part of CHIP that no backend changes."""

import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rastervision.core.backend import SampleWriter
from rastervision.core.box import Box
from rastervision.core.data import Scene
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.scenes import Split
from rastervision.core.sampling import windows_of_scene
from rastervision.core.utils.read_ahead import map_ahead
from rastervision.pipeline.progress import track

log = logging.getLogger(__name__)

READERS = 2
"""Threads that read windows while others are written."""


def scene_windows(scene: Scene, split: Split, options: ChipOptions) -> Sequence[Box]:
    """Return the windows of a scene: the same in every run and on every worker."""
    rng = np.random.default_rng(_seed(split, scene.id))
    windows = windows_of_scene(scene, options.sampling_for(scene.id), rng)
    return windows if isinstance(windows, Sequence) else list(windows)


def scene_samples(
    scene: Scene,
    split: Split,
    options: ChipOptions,
    windows: Sequence[Box] | None = None,
    part: slice = slice(None),
) -> Iterator[DataSample]:
    """Yield the samples of a scene that pass the filters, window by window.

    Reading runs ahead in threads; the order is that of the windows. Whether a sample passes depends
    on no other sample, so parts add up to the whole.

    Args:
        scene: A scene with labels.
        split: What the samples are for.
        options: Windows and filters.
        windows: Use these windows instead of those that ``options`` ask for.
        part: Which of the windows to read.
    """
    if windows is None:
        windows = scene_windows(scene, split, options)
    numbers = range(len(windows))[part]

    def read(number: int) -> tuple[int, DataSample]:
        window = windows[number]
        chip, label = scene.read(window)
        return number, DataSample(chip.pixels, label, split, scene.id, window)

    for number, sample in map_ahead(read, numbers, ahead=2 * READERS, workers=READERS):
        rng = np.random.default_rng([_seed(split, scene.id), number])
        if options.keep_chip(sample.chip, sample.label, rng):
            yield sample


def write_samples(samples: Iterable[DataSample], writer: SampleWriter, desc: str) -> int:
    """Write samples, and log and return how many."""
    count = 0
    for sample in track(samples, desc=desc):
        writer.write_sample(sample)
        count += 1
    log.info('%s: %d written.', desc, count)
    return count


def _seed(split: Split, scene_id: str) -> int:
    return zlib.crc32(f'{split}/{scene_id}'.encode())
