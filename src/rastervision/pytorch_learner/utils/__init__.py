"""Helpers of the learner."""

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

_HERE = 'rastervision.pytorch_learner.utils'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data.label': ['SemanticSegmentationLabels'],
        'rastervision.pipeline.config': ['Config'],
        'rastervision.pipeline.errors': ['ConfigError'],
        'rastervision.pytorch_learner.inference.engine': ['ONNXRuntimeAdapter'],
        f'{_HERE}.prediction': ['predict_scene_ss'],
        f'{_HERE}.utils': ['MinMaxNormalize'],
        'rastervision.pytorch_learner.training.run_log': ['log_metrics_to_csv'],
    },
    further=further_names(__name__),
)
