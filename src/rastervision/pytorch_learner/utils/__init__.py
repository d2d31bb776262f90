"""Helpers of the learner."""

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

_HERE = 'rastervision.pytorch_learner.utils'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data.label': ['ObjectDetectionLabels', 'SemanticSegmentationLabels'],
        'rastervision.pipeline.config': ['Config'],
        'rastervision.pipeline.errors': ['ConfigError'],
        'rastervision.pytorch_learner.inference.engine': ['ONNXRuntimeAdapter'],
        'rastervision.pytorch_learner.dataset.visualizer.visualizer': [
            'channel_groups_to_imgs',
            'plot_channel_groups',
        ],
        'rastervision.pytorch_learner.models.adapt': ['adjust_conv_channels'],
        'rastervision.pytorch_learner.models.branches': ['AddTensors', 'Parallel', 'SplitTensor'],
        f'{_HERE}.metrics': ['compute_conf_mat', 'compute_conf_mat_metrics'],
        f'{_HERE}.prediction': ['predict_scene_cc', 'predict_scene_od', 'predict_scene_ss'],
        f'{_HERE}.torch_hub': [
            'get_hubconf_dir_from_cfg',
            'torch_hub_load_github',
            'torch_hub_load_local',
            'torch_hub_load_uri',
        ],
        f'{_HERE}.utils': [
            'MinMaxNormalize',
            'deserialize_albumentation_transform',
            'serialize_albumentation_transform',
            'validate_albumentation_transform',
        ],
        'rastervision.pytorch_learner.training.run_log': ['log_metrics_to_csv'],
    },
    further=further_names(__name__),
)
