"""Scenes, sources, labels, sampling, prediction and evaluation. Never imports torch."""

from typing import TYPE_CHECKING

from rastervision.core.compat_exports import further_names
from rastervision.pipeline.lazy import lazy_exports

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry

_HERE = 'rastervision.core'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        f'{_HERE}.analyzer': ['StatsAnalyzerConfig'],
        f'{_HERE}.box': ['Box', 'BoxSizeError'],
        f'{_HERE}.data': [
            'PolygonVectorOutputConfig',
            'SceneConfig',
            'SemanticSegmentationLabelStoreConfig',
            'StatsTransformerConfig',
        ],
        f'{_HERE}.data.raster_source': ['ChannelOrderError'],
        f'{_HERE}.data_sample': ['DataSample'],
        f'{_HERE}.predictor': ['Predictor', 'ScenePredictor'],
        f'{_HERE}.raster_stats': ['RasterStats'],
        f'{_HERE}.rv_pipeline': ['PredictOptions'],
    },
    heavy=further_names(__name__),
)


def register_plugin(registry: 'Registry') -> None:
    """Make the configs of this package known, their version and their former names."""
    from rastervision.core import rv_pipeline  # noqa: F401 - it imports all of them

    registry.set_plugin_version(_HERE, 14)
    registry.add_rv_config_schema('rv', ['streaming'])
    registry.register_renamed_type_hints('geo_data_window', 'window_sampling')
