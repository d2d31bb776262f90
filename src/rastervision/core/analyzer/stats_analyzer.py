"""StatsAnalyzer: statistics of the channels of scenes (C+E)."""

import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from rastervision.core.analyzer.analyzer import Analyzer, AnalyzerConfig, SceneGroup
from rastervision.core.moments import Counts
from rastervision.core.raster_stats import RasterStats, check_channels
from rastervision.core.source_windows import SourceWindows
from rastervision.core.utils.overrides import overridden_since
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

log = logging.getLogger(__name__)


class StatsAnalyzer(Analyzer):
    """Computes means and standard deviations and writes them to a stats.json."""

    def __init__(
        self,
        stats_uri: str | None = None,
        sample_prob: float | None = 0.1,
        chip_sz: int = 300,
        nodata_value: float | None = 0,
    ) -> None:
        """Constructor.

        Args:
            stats_uri: file to write.
            sample_prob: part of each scene to read, by chips; None reads everything.
            chip_sz: size of these chips.
            nodata_value: value that does not count.
        """
        self.stats_uri = stats_uri
        self.sample_prob = sample_prob
        self.chip_sz = chip_sz
        self.nodata_value = nodata_value

    def compute_stats(self, scenes: Iterable['Scene']) -> RasterStats:
        """Statistics of the raster sources of scenes.

        Raises:
            DataError: a channel has no data in any of the scenes.
        """
        moments, channels = [], []
        for scene in scenes:
            channels.append(scene.raster_source.num_channels)
            check_channels(channels)
            windows = self._windows_of(scene)
            moments.append(windows.moments(windows.count()))
        stats = RasterStats()
        stats.set_moments(moments)
        return stats

    def process(self, scenes: Iterable['Scene'], tmp_dir: str) -> None:  # noqa: ARG002 no files
        """Compute the statistics of the scenes and write them to `stats_uri`."""
        uri = self._uri()
        self._save(self.compute_stats(scenes), uri)

    def is_shareable(self) -> bool:
        return not overridden_since(self, 'process_units', 'process', 'compute_stats')

    def work_units(self, scene: 'Scene') -> list[int]:
        return [window.area for window in self._windows_of(scene).windows]

    def process_units(self, scene: 'Scene', units: slice) -> dict[str, Any]:
        return self._windows_of(scene).count(units).to_json()

    def join_units(self, scenes: Sequence['Scene'], results: Mapping[str, Sequence[Any]]) -> None:
        moments = []
        for scene, parts in zip(scenes, results.values(), strict=True):
            counts = Counts(scene.raster_source.dtype, scene.raster_source.num_channels)
            for part in parts:
                counts.add_json(part)
            moments.append(self._windows_of(scene).moments(counts))
        stats = RasterStats()
        stats.set_moments(moments)
        self._save(stats, self._uri())

    def _windows_of(self, scene: 'Scene') -> SourceWindows:
        """What is read of a scene; a sample depends on nothing but the scene."""
        source = scene.raster_source
        if self.sample_prob is None:
            return SourceWindows.all_of(source, self.chip_sz, None, self.nodata_value)
        rng = np.random.default_rng(zlib.crc32(scene.id.encode()))
        return SourceWindows.sample_of(
            source, self.chip_sz, self.sample_prob, self.nodata_value, rng
        )

    def _uri(self) -> str:
        if self.stats_uri is None:
            raise ConfigError('stats_uri of the stats analyzer is not set.')
        return self.stats_uri

    def _save(self, stats: RasterStats, uri: str) -> None:
        stats.save(uri)
        log.info('Statistics written to %s.', uri)


@register_config('stats_analyzer')
class StatsAnalyzerConfig(AnalyzerConfig):
    """Statistics of the channels, for stats transformers."""

    output_uri: str | None = Field(
        None,
        description='Folder to write to; the statistics of a scene group go to '
        '<scene group>/stats.json in it. None: the folder stats of the ANALYZE output.',
    )
    sample_prob: float | None = Field(
        0.1,
        gt=0,
        le=1,
        description='Part of each scene that is read, by chips drawn at random. None: all of it.',
    )
    chip_sz: int = Field(300, gt=0, description='Size in pixels of the chips that are drawn.')
    nodata_value: float | None = Field(
        0,
        description='Value that does not count, in each channel for itself, in addition to '
        'pixels that the file declares as nodata. None: every value counts.',
    )

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        from rastervision.core.rv_pipeline import layout  # a layer above this one

        if pipeline is not None and self.output_uri is None:
            self.output_uri = layout.stats_root(pipeline.stage_uri('analyze'))

    def build(self, scene_group: SceneGroup | None = None) -> StatsAnalyzer:
        if self.output_uri is None:
            raise ConfigError('output_uri of the stats analyzer is not set.')
        parts = [self.output_uri.rstrip('/'), 'stats.json']
        if scene_group is not None:
            parts.insert(1, scene_group[0])
        return StatsAnalyzer('/'.join(parts), self.sample_prob, self.chip_sz, self.nodata_value)
