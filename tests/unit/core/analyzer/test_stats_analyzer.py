"""StatsAnalyzer and its config."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from rastervision.core.analyzer import AnalyzerConfig, StatsAnalyzer, StatsAnalyzerConfig
from rastervision.core.data.raster_source import RasterioSource
from rastervision.core.data.raster_transformer import CastTransformer
from rastervision.core.raster_stats import RasterStats
from rastervision.core.utils.share import share_of_groups
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


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float32'])
@pytest.mark.parametrize('sample_prob', [None, 0.3])
def test_units_add_up_to_the_same_bytes_whoever_counts_them(
    write_raster, tmp_path, dtype, sample_prob
):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 200, (2, h, 130)).astype(dtype) for h in (90, 50, 170)]
    arrays[1][:, 10:] = 0
    scenes = []
    for i, array in enumerate(arrays):
        source = RasterioSource(
            write_raster(array, f'{i}.tif'), raster_transformers=[CastTransformer(dtype)]
        )  # with a transformer, a unit is a chip
        scenes.append(SimpleNamespace(id=f'scene {i}', raster_source=source))
    analyzer = StatsAnalyzer(str(tmp_path / 'stats.json'), sample_prob, chip_sz=20)
    assert analyzer.is_shareable()
    analyzer.process(scenes, str(tmp_path))
    whole = (tmp_path / 'stats.json').read_bytes()
    weights = [analyzer.work_units(scene) for scene in scenes]
    assert min(map(len, weights)) > 3
    for num_splits in (2, 3, 5):
        results = {scene.id: [] for scene in scenes}
        for i in range(num_splits):
            shares = share_of_groups(weights, i, num_splits)
            for scene, share in zip(scenes, shares, strict=True):
                result = json.loads(json.dumps(analyzer.process_units(scene, share)))
                results[scene.id].append(result)
        (tmp_path / 'stats.json').unlink()
        analyzer.join_units(scenes, results)
        assert (tmp_path / 'stats.json').read_bytes() == whole


def test_the_sample_of_a_scene_depends_on_nothing_but_the_scene(write_raster, rgb):
    scenes = [
        SimpleNamespace(id=name, raster_source=RasterioSource(write_raster(rgb, f'{name}.tif')))
        for name in ('a', 'b')
    ]
    analyzer = StatsAnalyzer(sample_prob=0.2, chip_sz=5)
    alone = analyzer.compute_stats(scenes[1:])
    both = analyzer.compute_stats(scenes)
    assert analyzer.compute_stats(scenes[:1]).merge(alone).counts.tolist() == both.counts.tolist()
    assert alone.to_dict() == analyzer.compute_stats(scenes[1:]).to_dict()
    assert alone.to_dict() != analyzer.compute_stats(scenes[:1]).to_dict()


def test_a_changed_analyzer_is_not_shared():
    class Changed(StatsAnalyzer):
        def compute_stats(self, scenes):
            raise NotImplementedError

    assert not Changed().is_shareable()


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
