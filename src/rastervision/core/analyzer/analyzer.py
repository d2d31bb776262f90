"""Analyzer: the base of what ANALYZE computes (C+E)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rastervision.core.shared_work import SharedWork
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

SceneGroup = tuple[str, Iterable[str]]
"""Name of a scene group, and the ids of its scenes."""


class Analyzer(SharedWork):
    """Computes something over scenes and writes it to a file."""


@register_config('analyzer')
class AnalyzerConfig(Config):
    """Something that ANALYZE computes over the scenes of a group."""

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        """Fill defaults that depend on the pipeline."""

    def build(self, scene_group: SceneGroup | None = None) -> Analyzer:
        """Build the analyzer.

        Args:
            scene_group: group that it will be used for; its outputs lie in a folder of that name.
        """
        raise NotImplementedError(f'{type(self).__name__} has no build().')
