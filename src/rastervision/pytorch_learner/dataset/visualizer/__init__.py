"""Pictures of batches."""

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

_HERE = 'rastervision.pytorch_learner.dataset.visualizer'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data.class_config': ['ClassConfig'],
        'rastervision.pytorch_learner.object_detection_utils': [
            'BoxList',
            'collate_fn',
            'draw_boxes',
        ],
        'rastervision.pytorch_learner.utils': ['MinMaxNormalize'],
        f'{_HERE}.object_detection_visualizer': ['ObjectDetectionVisualizer'],
        f'{_HERE}.classification_visualizer': ['ClassificationVisualizer'],
        f'{_HERE}.regression_visualizer': ['RegressionVisualizer'],
        f'{_HERE}.semantic_segmentation_visualizer': ['SemanticSegmentationVisualizer'],
        f'{_HERE}.visualizer': ['Visualizer'],
    },
    further=further_names(__name__),
)
