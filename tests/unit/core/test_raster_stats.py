"""Statistics against NumPy in float64."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rastervision.core.box import Box
from rastervision.core.data.raster_source import RasterioSource
from rastervision.core.data.raster_transformer import CastTransformer
from rastervision.core.moments import Moments, channel_moments
from rastervision.core.raster_stats import (
    RasterStats,
    get_chip,
    get_num_chips_to_sample,
    parallel_mean,
    parallel_variance,
    random_chip_stream,
    sliding_chip_stream,
)
from rastervision.pipeline.errors import DataError

NAN = float('nan')
values = st.floats(-1e6, 1e6).map(lambda v: round(v, 3))


def assert_stats(stats, columns):
    """Compare with NumPy; `columns` has one array of values per channel."""
    np.testing.assert_allclose(stats.means, [c.mean() for c in columns], rtol=1e-9)
    np.testing.assert_allclose(stats.stds, [c.std() for c in columns], rtol=1e-9)
    assert stats.counts.tolist() == [c.size for c in columns]


# ---- moments


@given(
    hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(0, 30)), elements=values),
    hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(0, 30)), elements=values),
)
def test_merged_moments_are_those_of_all_values(a, b):
    merged = channel_moments(a).merge(channel_moments(b))
    both = channel_moments(np.concatenate([a, b], axis=1))
    assert merged.counts.tolist() == both.counts.tolist()
    np.testing.assert_allclose(merged.means, both.means, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(merged.variances, both.variances, rtol=1e-9, atol=1e-3)


def test_moments_of_values_far_from_zero():
    v = np.random.default_rng(0).normal(1e9, 1, (1, 10_000))
    parts = [channel_moments(part) for part in np.split(v, 10, axis=1)]
    total = Moments.zero(1)
    for part in parts:
        total = total.merge(part)
    np.testing.assert_allclose(total.variances, v.var(axis=1), rtol=1e-6)


def test_nan_does_not_count():
    moments = channel_moments(np.array([[1.0, NAN, 3.0], [NAN, NAN, NAN]]))
    assert moments.counts.tolist() == [2, 0]
    assert moments.means.tolist() == [2, 0]
    assert moments.variances.tolist() == [1, 0]


# ---- sources


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32', 'float64'])
@pytest.mark.parametrize('nodata_value', [0, 5, None])
def test_all_pixels_of_several_sources(write_raster, dtype, nodata_value):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 200, (3, h, 300)).astype(dtype) for h in (20, 700)]
    sources = [RasterioSource(write_raster(a, f'{len(a[0])}.tif')) for a in arrays]
    stats = RasterStats()
    stats.compute(sources, nodata_value=nodata_value)
    pixels = np.concatenate([a.reshape(3, -1) for a in arrays], axis=1).astype(np.float64)
    assert_stats(stats, [c[c != nodata_value] for c in pixels])


@pytest.mark.parametrize(
    ('dtype', 'offset'),
    [('float64', 1e8), ('float64', -3e5), ('float32', 1e5), ('uint16', 6e4), ('int32', 2e9)],
)
def test_values_far_from_zero_with_holes(write_raster, dtype, offset):
    rng = np.random.default_rng(0)
    array = (rng.normal(0, 100, (2, 600, 700)) + offset).astype(dtype)
    nodata = -9999 if dtype != 'uint16' else 7
    array[:, rng.random((600, 700)) > 0.9] = nodata
    if dtype.startswith('float'):
        array[0, rng.random((600, 700)) > 0.9] = NAN
    stats = RasterStats()
    stats.compute([RasterioSource(write_raster(array, nodata=nodata))], nodata_value=None)
    columns = array.reshape(2, -1).astype(np.longdouble)
    columns = [c[(c != nodata) & ~np.isnan(c)] for c in columns]
    np.testing.assert_allclose(stats.means, [float(c.mean()) for c in columns], rtol=1e-9)
    np.testing.assert_allclose(stats.stds, [float(c.std()) for c in columns], rtol=1e-9)
    assert stats.counts.tolist() == [c.size for c in columns]


@pytest.mark.parametrize('dtype', ['uint8', 'float32'])
def test_masked_pixels_do_not_count(write_raster, dtype):
    rng = np.random.default_rng(0)
    array = rng.integers(1, 200, (2, 40, 40)).astype(dtype)
    mask = rng.random((40, 40)) > 0.3
    stats = RasterStats()
    stats.compute([RasterioSource(write_raster(array, mask=mask))], nodata_value=None)
    assert_stats(stats, array.astype(np.float64)[:, mask])


def test_each_channel_has_its_own_nodata(write_raster):
    array = np.array([[[0, 2, 4]], [[1, 0, 0]]], np.uint8)
    stats = RasterStats()
    stats.compute([RasterioSource(write_raster(array))])
    assert stats.counts.tolist() == [2, 1]
    assert stats.means.tolist() == [3, 1]


def test_statistics_are_of_the_transformed_channels(write_raster, rgb):
    source = RasterioSource(
        write_raster(rgb), raster_transformers=[CastTransformer('float32')], channel_order=[2]
    )
    stats = RasterStats()
    stats.compute([source], chip_sz=16)
    assert_stats(stats, rgb[[2]].reshape(1, -1).astype(np.float64))


def test_overlapping_windows_count_twice(write_raster, rgb):
    source = RasterioSource(write_raster(rgb))
    stats = RasterStats()
    stats.compute([source], chip_sz=20, stride=10)
    windows = [w.intersection(source.extent) for w in source.extent.get_windows(20, 10)]
    pixels = np.concatenate([source[w].reshape(-1, 3) for w in windows]).T.astype(np.float64)
    assert_stats(stats, pixels)


def test_samples(write_raster):
    array = np.random.default_rng(0).integers(1, 60_000, (1, 400, 400)).astype(np.uint16)
    source = RasterioSource(write_raster(array))
    stats, again, other = RasterStats(), RasterStats(), RasterStats()
    stats.compute([source], sample_prob=0.25, chip_sz=20)
    again.compute([source], sample_prob=0.25, chip_sz=20)
    other.compute([source], sample_prob=0.25, chip_sz=20, rng=np.random.default_rng(1))
    assert stats.counts.tolist() == [400 * 400 // 4]
    assert stats.to_dict() == again.to_dict() != other.to_dict()
    assert stats.means[0] == pytest.approx(array.mean(), rel=0.02)


def test_samples_without_data_are_drawn_again(write_raster):
    array = np.zeros((1, 100, 100), np.uint8)
    array[:, 60:62, 60:62] = 9
    stats = RasterStats()
    stats.compute([RasterioSource(write_raster(array))], sample_prob=0.01, chip_sz=10)
    assert stats.counts.tolist() == [4]


def test_whole_scene_when_it_is_smaller_than_a_chip(write_raster, rgb):
    stats = RasterStats()
    stats.compute([RasterioSource(write_raster(rgb))], sample_prob=0.1)
    assert_stats(stats, rgb.reshape(3, -1).astype(np.float64))


@pytest.mark.parametrize('sample_prob', [None, 0.5])
def test_no_data_at_all(write_raster, rgb, sample_prob):
    rgb[1] = 0
    stats = RasterStats()
    with pytest.raises(DataError, match=r'\[1\].*nodata_value'):
        stats.compute([RasterioSource(write_raster(rgb))], sample_prob=sample_prob)


def test_sources_that_do_not_fit(write_raster, rgb):
    path = write_raster(rgb)
    with pytest.raises(DataError, match=r'\[1, 3\].*channel_order'):
        RasterStats().compute([RasterioSource(path), RasterioSource(path, channel_order=[0])])
    with pytest.raises(DataError, match=r'complex.*cast_transformer'):
        RasterStats().compute([RasterioSource(write_raster(rgb.astype(np.complex64)))])


# ---- merging and files


def test_merge(write_raster, rgb):
    stats = []
    for part in (rgb, rgb[:, :, :30], rgb[:, :, 30:]):
        stats.append(RasterStats())
        stats[-1].compute([RasterioSource(write_raster(part))])
    whole, left, right = stats
    merged = left.merge(right)
    np.testing.assert_allclose(merged.means, whole.means, rtol=1e-12)
    np.testing.assert_allclose(merged.vars, whole.vars, rtol=1e-12)
    assert merged.counts.tolist() == whole.counts.tolist()
    with pytest.raises(ValueError, match='counts'):
        left.merge(RasterStats([1], [1]))


def test_files(tmp_path):
    uri = str(tmp_path / 'a' / 'stats.json')
    RasterStats([1.5, 2], [0.25, 4], [10, 20]).save(uri)
    expected = {'means': [1.5, 2], 'stds': [0.25, 4], 'counts': [10, 20]}
    assert json.loads(Path(uri).read_text()) == expected
    assert RasterStats.load(uri).to_dict() == expected
    assert RasterStats.load(uri).vars.tolist() == [0.0625, 16]


def test_files_of_old_releases_have_no_counts(tmp_path):
    path = tmp_path / 'stats.json'
    path.write_text('{"means": [1], "stds": [2]}')
    assert RasterStats.load(str(path)).counts is None


# ---- functions of release 0.31


@given(st.lists(values, min_size=1, max_size=20), st.lists(values, min_size=1, max_size=20))
@settings(deadline=None)
def test_parallel_mean_and_variance(a, b):
    a, b = np.array(a), np.array(b)
    both = np.concatenate([a, b])
    mean = parallel_mean(a.mean(), a.size, b.mean(), b.size)
    var = parallel_variance(a.mean(), a.size, a.var(), b.mean(), b.size, b.var())
    assert mean == pytest.approx(both.mean(), abs=1e-6)
    assert var == pytest.approx(both.var(), rel=1e-9, abs=1e-3)


def test_running_statistics():
    rng = np.random.default_rng(0)
    chips = [rng.normal(5, 2, (8, 8, 3)) for _ in range(4)]
    chips[0][0, 0, 0] = NAN
    stats = RasterStats()
    assert stats.compute_from_chips([]) == (None, None, None)
    running = stats.compute_from_chips(chips[:2])
    running = stats.compute_from_chips(chips[2:3], *running)
    mean, var, count = stats.compute_from_pixels(chips[3].reshape(-1, 3), *running)
    pixels = np.concatenate([chip.reshape(-1, 3) for chip in chips])
    np.testing.assert_allclose(mean, np.nanmean(pixels, axis=0))
    np.testing.assert_allclose(var, np.nanvar(pixels, axis=0))
    assert count.tolist() == [255, 256, 256]
    np.testing.assert_allclose(stats.stds, np.nanstd(pixels, axis=0))


def test_chip_streams(write_raster, rgb):
    rgb[:, :20, :20] = 0
    source = RasterioSource(write_raster(rgb))
    assert get_chip(source, Box(0, 0, 20, 20)) is None
    assert np.isnan(get_chip(source, Box(0, 0, 20, 21))[:, :20]).all()
    chips = list(sliding_chip_stream([source], 20, 20))
    assert len(chips) == 3 * 4 - 1
    total = sum(np.count_nonzero(~np.isnan(chip)) for chip in chips)
    assert total == np.count_nonzero(rgb)
    drawn = list(random_chip_stream([source], 10, 0.5, rng=np.random.default_rng(0)))
    assert 0 < len(drawn) <= get_num_chips_to_sample(source.extent, 10, 0.5) == 18
    assert {chip.shape for chip in drawn} == {(10, 10, 3)}
    assert get_num_chips_to_sample(source.extent, 1000, 0.1) == 1
