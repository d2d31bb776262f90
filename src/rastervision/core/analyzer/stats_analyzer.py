"""StatsAnalyzer: statistics of the channels of scenes (C+E)."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from rastervision.core.analyzer.analyzer import Analyzer, AnalyzerConfig, SceneGroup
from rastervision.core.raster_stats import RasterStats
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
        stats = RasterStats()
        stats.compute(
            [scene.raster_source for scene in scenes],
            sample_prob=self.sample_prob,
            chip_sz=self.chip_sz,
            nodata_value=self.nodata_value,
        )
        return stats

    def process(self, scenes: Iterable['Scene'], tmp_dir: str) -> None:  # noqa: ARG002 no files
        """Compute the statistics of the scenes and write them to `stats_uri`."""
        if self.stats_uri is None:
            raise ConfigError('stats_uri of the stats analyzer is not set.')
        stats = self.compute_stats(scenes)
        stats.save(self.stats_uri)
        log.info('Statistics written to %s: %s', self.stats_uri, stats)


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
