"""StatsTransformer: its rule, its files, its config."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rastervision.core.chip import Chip, all_valid
from rastervision.core.data.raster_source import RasterioSource, RasterioSourceConfig
from rastervision.core.data.raster_transformer import StatsTransformer, StatsTransformerConfig
from rastervision.core.data.raster_transformer.stats_transformer import (
    stats_transformer_config_upgrader,
)
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

MEANS, STDS = [1000.0, 2000.0, 30.0], [250.0, 100.0, 7.5]


def by_hand(value, mean, std, max_stds=3.0):
    score = max(-max_stds, min(max_stds, (value - mean) / std))
    return int((score + max_stds) / (2 * max_stds) * 255)


@example([0, 500, 0], 3.0)
@given(st.lists(st.integers(0, 65535), min_size=3, max_size=3), st.sampled_from([1.0, 3.0]))
def test_rule(values, max_stds):
    transformer = StatsTransformer(MEANS, STDS, max_stds)
    expected = [by_hand(v, m, s, max_stds) for v, m, s in zip(values, MEANS, STDS, strict=True)]
    for dtype in ('uint16', 'int32', 'float64'):
        pixels = np.array(values, dtype).reshape(1, 1, 3)
        out = transformer.apply(Chip(pixels, all_valid(1, 1))).pixels
        assert out.dtype == np.uint8
        assert out.ravel().tolist() == expected
        bare = [0 if value == 0 else wanted for value, wanted in zip(values, expected, strict=True)]
        assert transformer.transform(pixels).ravel().tolist() == bare


def test_uint8_stays_as_it_is():
    # the recorded predictions of release 0.31 come from untouched uint8 images
    chip = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert StatsTransformer(MEANS, STDS).transform(chip) is chip


def test_zero_is_a_value_where_a_source_has_data(write_raster):
    array = np.array([[[0, 5], [9, 0]], [[9, 4], [0, 9]]], np.uint16)  # 9 is nodata
    transformer = StatsTransformer([0.0, 0.0], [3.0, 3.0])
    source = RasterioSource(write_raster(array, nodata=9), raster_transformers=[transformer])
    chip = source.read(source.extent)
    assert chip.valid.all()
    assert chip.pixels[0, 0, 0] == chip.pixels[1, 1, 0] == chip.pixels[1, 0, 1] == 127
    array[:, 0, 1] = 9
    source = RasterioSource(write_raster(array, nodata=9), raster_transformers=[transformer])
    chip = source.read(source.extent)
    assert chip.valid.tolist() == [[True, False], [True, True]]
    assert chip.pixels[0, 1].tolist() == [0, 0]


@pytest.mark.parametrize('max_stds', [0, -1, np.nan, np.inf])
def test_the_scale_must_have_a_length(max_stds):
    with pytest.raises(ConfigError, match=f'max_stds .* above 0, got {max_stds}'):
        StatsTransformer(MEANS, STDS, max_stds)


def test_bare_zero_stays_zero_and_nan_becomes_zero():
    out = StatsTransformer([0.0], [1.0]).transform(np.array([[[0.0], [np.nan], [1e-9], [np.inf]]]))
    assert out.ravel().tolist() == [0, 0, 127, 255]


def test_constant_channel_is_at_the_mean():
    out = StatsTransformer([7.0], [0.0]).transform(np.full((2, 2, 1), 7, np.int32))
    assert set(out.ravel().tolist()) == {127}


def test_any_leading_dimensions():
    chips = np.random.default_rng(0).integers(0, 3000, (2, 5, 4, 3)).astype(np.uint16)
    transformer = StatsTransformer(MEANS, STDS)
    assert np.array_equal(transformer.transform(chips)[1], transformer.transform(chips[1]))


def test_other_number_of_channels():
    with pytest.raises(DataError, match=r'3 channel.*have 2'):
        StatsTransformer(MEANS, STDS).transform(np.zeros((2, 2, 2), np.uint16))


def test_from_raster_sources(write_raster):
    array = np.random.default_rng(0).integers(1, 5000, (2, 64, 64)).astype(np.uint16)
    source = RasterioSource(write_raster(array))
    transformer = StatsTransformer.from_raster_sources([source], sample_prob=None, max_stds=2)
    assert transformer.means == pytest.approx(array.mean((1, 2)))
    assert transformer.max_stds == 2
    assert transformer.stats.counts.tolist() == [64 * 64] * 2


def test_from_stats_json(tmp_path):
    uri = str(tmp_path / 'stats.json')
    RasterStats(MEANS, STDS, [9, 9, 9]).save(uri)
    transformer = StatsTransformer.from_stats_json(uri, channel_order=[2, 0], max_stds=1)
    assert transformer.means.tolist() == [30, 1000]
    assert transformer.stats.to_dict() == {
        'means': [30, 1000],
        'stds': [7.5, 250],
        'counts': [9, 9],
    }
    with pytest.raises(DataError, match=r'stats\.json.*3 channel.*\[3\]'):
        StatsTransformer.from_stats_json(uri, channel_order=[3])


def test_bad_statistics(tmp_path):
    with pytest.raises(NotReadableError, match=r'none\.json'):
        StatsTransformer.from_stats_json(str(tmp_path / 'none.json'))
    path = tmp_path / 'bad.json'
    path.write_text(json.dumps({'mean': []}))
    with pytest.raises(DataError, match=r'bad\.json.*"means"'):
        StatsTransformer.from_stats_json(str(path))
    with pytest.raises(DataError, match='empty'):
        StatsTransformer.from_raster_stats(RasterStats())


# ---- config


def test_config_takes_the_statistics_of_its_scene_group():
    config = StatsTransformerConfig(scene_group='all')
    pipeline = SimpleNamespace(stage_uri=lambda stage: f's3://bucket/out/{stage}')
    source = RasterioSourceConfig(uris='a.tif', transformers=[config])
    source.update(pipeline)
    assert source.transformers[0].stats_uri == 's3://bucket/out/analyze/stats/all/stats.json'
    given = StatsTransformerConfig(stats_uri='mine.json')
    given.update(pipeline)
    assert given.stats_uri == 'mine.json'


def test_config_without_statistics():
    with pytest.raises(ConfigError, match='stats_uri'):
        StatsTransformerConfig().build()


@pytest.mark.parametrize(('needs', 'means'), [(True, [30, 1000]), (False, MEANS)])
def test_old_statistics_are_of_all_bands(tmp_path, needs, means):
    uri = str(tmp_path / 'stats.json')
    RasterStats(MEANS, STDS).save(uri)
    config = StatsTransformerConfig(stats_uri=uri, needs_channel_order=needs)
    assert config.build([2, 0]).means.tolist() == means
    assert build_config(config.dict()) == config


def test_statistics_in_bundles(tmp_path):
    config = StatsTransformerConfig()
    config.update_root(str(tmp_path))
    assert config.stats_uri == str(tmp_path / 'stats.json')
    new = tmp_path / 'analyze' / 'stats' / 'train_scenes' / 'stats.json'
    new.parent.mkdir(parents=True)
    new.write_text('{}')
    config.update_root(str(tmp_path))
    assert config.stats_uri == str(new)


def test_upgrade():
    assert stats_transformer_config_upgrader({}, 13) == {'needs_channel_order': True}
    assert stats_transformer_config_upgrader({}, 12) == {}
