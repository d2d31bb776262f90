"""Which chips are worth keeping: pure rules on pixels and labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.chip import Chip


def nodata_fraction(chip: NDArray[Any] | Chip, nodata_val: float = 0) -> float:
    """Share of the pixels that hold no data.

    Args:
        chip: (H, W, C) pixels, or a Chip.
        nodata_val: pixels with this value in all bands hold no data, and neither do pixels that
            a Chip's mask calls invalid.
    """
    pixels = chip.pixels if isinstance(chip, Chip) else chip
    # band by band: several times as fast as a reduction over a short last axis
    bands = np.moveaxis(pixels, -1, 0)
    nodata = bands[0] == nodata_val
    for band in bands[1:]:
        nodata &= band == nodata_val
    if isinstance(chip, Chip):
        nodata |= ~chip.valid
    return float(np.count_nonzero(nodata) / nodata.size)


def nodata_below_threshold(
    chip: NDArray[Any] | Chip, threshold: float, nodata_val: float = 0
) -> bool:
    """Whether the share of nodata pixels is below the threshold, so that the chip is kept.

    Args:
        chip: (H, W, C) pixels, or a Chip.
        threshold: 0..1; with 1 only chips without any data are dropped.
        nodata_val: see `nodata_fraction`.
    """
    return nodata_fraction(chip, nodata_val) < threshold


def enough_target_pixels(
    label_arr: NDArray[Any], target_count_threshold: int, target_class_ids: Sequence[int]
) -> bool:
    """Whether enough pixels belong to the target classes.

    Args:
        label_arr: (H, W) class ids.
        target_count_threshold: the least number of such pixels.
        target_class_ids: the target classes.
    """
    return int(np.isin(label_arr, target_class_ids).sum()) >= target_count_threshold


def keep_labelled_chip(
    label_arr: NDArray[Any],
    target_class_ids: Sequence[int] | None,
    target_count_threshold: int,
    negative_survival_prob: float,
    rng: np.random.Generator,
) -> bool:
    """Whether a chip passes the filter by target classes.

    Args:
        label_arr: (H, W) class ids.
        target_class_ids: the target classes; None lets everything pass.
        target_count_threshold: pixels of those classes that make a chip a positive one.
        negative_survival_prob: the chance of the others to be kept.
        rng: decides about the others.
    """
    if target_class_ids is None:
        return True
    if enough_target_pixels(label_arr, target_count_threshold, target_class_ids):
        return True
    return bool(rng.random() < negative_survival_prob)
