"""Object detection with PyTorch (C+E)."""

import json
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data import ObjectDetectionLabels, Scene
from rastervision.core.data_sample import DataSample
from rastervision.core.prediction.window_results import WindowBoxes
from rastervision.core.rv_pipeline import RVPipelineConfig
from rastervision.pipeline.config import register_config
from rastervision.pytorch_backend.pytorch_learner_backend import (
    PyTorchLearnerBackend,
    PyTorchLearnerBackendConfig,
)
from rastervision.pytorch_backend.sample_writer import ListedSampleWriter
from rastervision.pytorch_backend.upgraders import objdet_learner_backend_config_upgrader
from rastervision.pytorch_learner.dataset.boxes import Labels, keep_inside, to_yxyx
from rastervision.pytorch_learner.object_detection_learner_config import (
    ObjectDetectionLearnerConfig,
    ObjectDetectionModelConfig,
)

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline import PredictOptions


class PyTorchObjectDetectionSampleWriter(ListedSampleWriter):
    """Writes chips to ``<split>/img`` and their boxes to ``<split>/labels.json`` (COCO)."""

    list_name = 'labels.json'

    def write_sample(self, sample: DataSample) -> None:
        """Write a sample whose label is a BoxList, or boxes (N, 4), class ids (N,) and a format."""
        path = self.write_chip(sample.chip, self.get_image_path(sample))
        self.update_coco_data(sample, path)

    def update_coco_data(self, sample: DataSample, img_path: str) -> None:
        """Take down the boxes of the chip at a path."""
        self.add_entry(img_path, self.get_entry(sample))

    def get_entry(self, sample: DataSample) -> dict[str, Any]:
        """Return size, boxes (xmin, ymin, width, height) and class ids of a sample."""
        height, width = sample.chip.shape[-3:-1]
        boxes, class_ids, box_format = _parts(sample.label)
        inside, ids, _ = keep_inside(to_yxyx(boxes, box_format), class_ids, (height, width))
        ymin, xmin, ymax, xmax = inside.T
        xywh = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)
        return {'size': [height, width], 'boxes': xywh.tolist(), 'class_ids': ids.tolist()}

    def make_list(self, entries: Sequence[tuple[str, Any]]) -> str:
        """Return all boxes of a split as a COCO file, with class ids as category ids."""
        categories = [{'id': i, 'name': name} for i, name in enumerate(self.class_config.names)]
        images, annotations = [], []
        for img_id, (file_name, entry) in enumerate(entries, start=1):
            height, width = entry['size']
            images.append({'id': img_id, 'file_name': file_name, 'height': height, 'width': width})
            annotations += [
                {
                    'image_id': img_id,
                    'bbox': box,
                    'area': box[2] * box[3],
                    'iscrowd': 0,
                    'category_id': class_id,
                }
                for box, class_id in zip(entry['boxes'], entry['class_ids'], strict=True)
            ]
        for number, annotation in enumerate(annotations, start=1):
            annotation['id'] = number
        return json.dumps({'images': images, 'annotations': annotations, 'categories': categories})


def _parts(label: Any) -> Labels:
    """Boxes, class ids and format of a label."""
    if isinstance(label, tuple):
        return label
    return label.convert_boxes('yxyx').numpy(), label.get_field('class_ids').numpy(), 'yxyx'


class PyTorchObjectDetection(PyTorchLearnerBackend):
    """Object detection with PyTorch."""

    def sample_writer(self, output_uri: str) -> PyTorchObjectDetectionSampleWriter:
        """Return a writer for chips and boxes."""
        return PyTorchObjectDetectionSampleWriter(
            output_uri, self.pipeline_cfg.dataset.class_config, self.tmp_dir
        )

    def predict_scene(
        self, scene: Scene, predict_options: 'PredictOptions'
    ) -> ObjectDetectionLabels:
        """Return the objects in a whole scene."""
        from rastervision.pytorch_learner.utils.prediction import predict_scene_od

        learner: Any = self.ready_learner()
        options: Any = predict_options
        return predict_scene_od(learner, scene, options)

    def predict_windows(
        self, scene: Scene, windows: Sequence[Box], predict_options: 'PredictOptions'
    ) -> Generator[WindowBoxes, None, None]:
        """Return the objects in the windows as they come."""
        from rastervision.pytorch_learner.inference.detection import predict_windows

        options: Any = predict_options
        return predict_windows(self.ready_learner(), scene, windows, options)


@register_config(
    'pytorch_object_detection_backend', upgrader=objdet_learner_backend_config_upgrader
)
class PyTorchObjectDetectionConfig(PyTorchLearnerBackendConfig):
    """Train and predict object detection with PyTorch."""

    task: ClassVar[str | None] = 'object_detection'

    model: ObjectDetectionModelConfig = Field(..., description='The network.')

    def get_learner_config(self, pipeline: RVPipelineConfig) -> ObjectDetectionLearnerConfig:
        """Return the config of the learner that does the work."""
        return self.fill_learner_config(ObjectDetectionLearnerConfig, pipeline)

    def build(self, pipeline: RVPipelineConfig, tmp_dir: str) -> PyTorchObjectDetection:
        """Build the backend."""
        return PyTorchObjectDetection(pipeline, self.get_learner_config(pipeline), tmp_dir)

    def architecture_name(self) -> str:
        """Name the network for people."""
        model = self.model
        if model.external_def is not None:
            return super().architecture_name()
        if model.architecture == 'ssdlite':
            return 'ssdlite mobilenet_v3_large'
        return f'{model.architecture} {model.encoder or model.get_backbone_str()}'
