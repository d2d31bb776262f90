"""Helpers of the learner."""

from rastervision.pipeline.lazy import lazy_exports

_HERE = 'rastervision.pytorch_learner.utils'

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data.label': ['SemanticSegmentationLabels'],
        'rastervision.pipeline.config': ['Config'],
        'rastervision.pipeline.errors': ['ConfigError'],
        f'{_HERE}.utils': ['MinMaxNormalize'],
    },
)
