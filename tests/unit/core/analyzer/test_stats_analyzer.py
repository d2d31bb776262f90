"""StatsAnalyzer and its config."""

from types import SimpleNamespace

import numpy as np
import pytest

from rastervision.core.analyzer import AnalyzerConfig, StatsAnalyzer, StatsAnalyzerConfig
from rastervision.core.data.raster_source import RasterioSource
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError


def test_writes_the_statistics_of_a_scene_group(write_raster, rgb, tmp_path):
    scenes = [SimpleNamespace(id='a', raster_source=RasterioSource(write_raster(rgb)))]
    config = StatsAnalyzerConfig(sample_prob=None)
    config.update(SimpleNamespace(stage_uri=lambda stage: f'{tmp_path}/{stage}'))
    analyzer = build_config(config.dict()).build(scene_group=('train_scenes', ['a']))
    analyzer.process(scenes, str(tmp_path))
    stats = RasterStats.load(str(tmp_path / 'analyze' / 'stats' / 'train_scenes' / 'stats.json'))
    np.testing.assert_allclose(stats.means, rgb.mean((1, 2)))
    assert stats.to_dict() == analyzer.compute_stats(scenes).to_dict()


def test_defaults_are_those_of_release_0_31():
    config = StatsAnalyzerConfig(output_uri='x')
    assert (config.sample_prob, config.chip_sz, config.nodata_value) == (0.1, 300, 0)
    analyzer = config.build()
    assert analyzer.stats_uri == 'x/stats.json'
    config.update(None)
    assert config.output_uri == 'x'


def test_nothing_is_written_without_data(write_raster, rgb, tmp_path):
    scenes = [SimpleNamespace(id='a', raster_source=RasterioSource(write_raster(rgb * 0)))]
    with pytest.raises(DataError, match='no data'):
        StatsAnalyzer(str(tmp_path / 'stats.json')).process(scenes, str(tmp_path))
    assert not (tmp_path / 'stats.json').exists()


@pytest.mark.parametrize('field', [{'sample_prob': 0}, {'sample_prob': 1.5}, {'chip_sz': 0}])
def test_senseless_fields(field):
    with pytest.raises(ConfigError, match=next(iter(field))):
        StatsAnalyzerConfig(**field)


def test_without_output():
    with pytest.raises(ConfigError, match='output_uri'):
        StatsAnalyzerConfig().build()
    with pytest.raises(ConfigError, match='stats_uri'):
        StatsAnalyzer().process([], '')
    with pytest.raises(NotImplementedError, match='AnalyzerConfig'):
        AnalyzerConfig().build()
