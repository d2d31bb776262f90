import numpy as np
import pytest

from rastervision.core.chip import Chip
from rastervision.core.sampling.chip_filter import (
    enough_target_pixels,
    keep_labelled_chip,
    nodata_below_threshold,
    nodata_fraction,
)


def chip_with(nodata_pixels: int) -> np.ndarray:
    chip = np.full((10, 10, 3), 7, dtype=np.uint8)
    chip.reshape(-1, 3)[:nodata_pixels] = 0
    return chip


@pytest.mark.parametrize('count', [0, 1, 50, 100])
def test_the_share_of_empty_pixels(count) -> None:
    assert nodata_fraction(chip_with(count)) == count / 100


def test_a_zero_in_one_band_is_data() -> None:
    chip = chip_with(0)
    chip[..., 0] = 0
    assert nodata_fraction(chip) == 0


def test_a_mask_counts_too() -> None:
    valid = np.ones((10, 10), dtype=bool)
    valid[5:] = False
    assert nodata_fraction(Chip(chip_with(10), valid)) == 0.6


@pytest.mark.parametrize(
    ('count', 'threshold', 'kept'),
    [(100, 1.0, False), (99, 1.0, True), (50, 0.5, False), (49, 0.5, True), (0, 0.0, False)],
)
def test_chips_are_kept_below_the_threshold(count, threshold, kept) -> None:
    assert nodata_below_threshold(chip_with(count), threshold) is kept


def test_another_nodata_value() -> None:
    assert nodata_fraction(chip_with(10), nodata_val=7) == 0.9


def test_target_pixels_are_counted_over_all_targets() -> None:
    labels = np.repeat([0, 1, 2, 3], 25).reshape(10, 10)
    assert enough_target_pixels(labels, 50, [1, 3])
    assert not enough_target_pixels(labels, 51, [1, 3])


def test_negative_chips_survive_by_chance() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((10, 10), dtype=np.uint8)
    kept = [keep_labelled_chip(labels, [1], 1, 0.25, rng) for _ in range(2000)]
    assert np.mean(kept) == pytest.approx(0.25, abs=0.03)
    assert not any(keep_labelled_chip(labels, [1], 1, 0.0, rng) for _ in range(50))
    assert all(keep_labelled_chip(labels, [1], 1, 1.0, rng) for _ in range(50))
    assert keep_labelled_chip(labels, [0], 100, 0.0, rng)
    assert keep_labelled_chip(labels, None, 1, 0.0, rng)
