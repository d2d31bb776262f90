"""ObjectDetectionLearner: boxes with classes and scores."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner.boxlist import BoxList, collate_fn
from rastervision.pytorch_learner.learner import Learner
from rastervision.pytorch_learner.object_detection_learner_config import (
    ObjectDetectionLearnerConfig,
)
from rastervision.pytorch_learner.object_detection_utils import (
    ONNXRuntimeAdapterForFasterRCNN,
    TorchVisionODAdapter,
)
from rastervision.pytorch_learner.tasks.detection import DetectionTask, total_loss

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer


class ObjectDetectionLearner(Learner):
    """Trains and uses models that find boxes.

    Models have the interface of `TorchVisionODAdapter`, in which those of torchvision and of
    external code are wrapped. Labels are BoxLists with `class_ids`, predictions have `scores`, too.
    """

    config_class = ObjectDetectionLearnerConfig
    exports_onnx = False  # what detectors do depends on the number of boxes that they find

    def make_task(self) -> DetectionTask:
        """Loss, metrics and meaning of boxes."""
        classes = self.cfg.data.class_config
        if classes is None:
            raise ConfigError('data.class_config is not set: give the data config a ClassConfig.')
        return DetectionTask(classes, self.loss)

    def get_visualizer_class(self) -> 'type[Visualizer]':
        """What draws images with boxes."""
        from rastervision.pytorch_learner.dataset.visualizer import (
            object_detection_visualizer as pictures,
        )

        return pictures.ObjectDetectionVisualizer

    def get_collate_fn(self) -> Callable[..., Any]:
        """What joins images into a tensor, and their boxes into a list."""
        return collate_fn

    # --- model

    def setup_model(
        self, model_weights_path: str | None = None, model_def_path: str | None = None
    ) -> None:
        """Set the model, load its weights and put it on the device."""
        if is_torchvision_detector(self._given_model):
            self._given_model = TorchVisionODAdapter(self._given_model)
        super().setup_model(model_weights_path, model_def_path)

    def build_model(self, model_def_path: str | None = None) -> nn.Module:
        """Make the model that the config describes; of its labels, those of classes count."""
        model = super().build_model(model_def_path)
        if isinstance(model, TorchVisionODAdapter):
            return model
        own_kind = self.cfg.model is not None and self.cfg.model.external_def is None
        unused = [self.cfg.data.num_classes + 1] if own_kind else []
        return TorchVisionODAdapter(model, ignored_output_inds=[0, *unused])

    def model_args(self) -> dict[str, Any]:
        """Detectors are told the size of the images."""
        return {'img_sz': self.cfg.data.img_sz}

    def build_loss(self, loss_def_path: str | None = None) -> Callable[..., Tensor]:  # noqa: ARG002  of the base class
        """The loss that the detector computes itself.

        Raises:
            ConfigError: The solver asks for another one.
        """
        self.cfg.check_solver()
        return total_loss

    def train_step(self, batch: Any, batch_ind: int) -> dict[str, Any]:  # noqa: ARG002  for subclasses
        """Loss of a batch (x, y) on the device, as `train_loss`, and the parts of it."""
        x, y = batch
        losses = self.model(x, y)
        return {**losses, 'train_loss': self.task.loss(losses, y)}

    def validate_step(self, batch: Any, batch_ind: int) -> dict[str, Any]:  # noqa: ARG002  for subclasses
        """What the metrics need of a batch (x, y) on the device."""
        x, y = batch
        return self.task.validation_figures(self.post_forward(self.model(x)), y)

    # --- predictions

    def post_forward(self, x: Any) -> Any:
        """All of the model's output counts."""
        return x

    def predict(
        self, x: Tensor, raw_out: bool = False, out_shape: tuple[int, int] | None = None
    ) -> Any:
        """Predict a batch.

        Args:
            x: (N, C, H, W) images, or one without N.
            raw_out: Makes no difference: detectors give boxes with scores.
            out_shape: (height, width) of the images for which the boxes are wanted; by default,
                that of `x`.

        Returns:
            list[BoxList], one for each image, with `class_ids` and `scores`, on the device.
        """
        batch = self.to_device(self.to_batch(x).float(), self.device)
        with torch.inference_mode():
            found: Any = self.forward(batch)
            if out_shape is not None:
                found = self.postprocess_model_output(batch, found, out_shape)
            return found if raw_out else self.prob_to_pred(found)

    def postprocess_model_output(  # type: ignore[override] # as in release 0.31
        self, x: Tensor, out_batch: Iterable[BoxList], out_shape: tuple[int, int]
    ) -> list[BoxList]:
        """Boxes of images (N, C, H, W) as those of images of (height, width)."""
        height, width = x.shape[-2:]
        yscale, xscale = out_shape[0] / height, out_shape[1] / width
        return [boxes.scale(yscale, xscale) for boxes in out_batch]

    def prob_to_pred(self, x: Any) -> Any:
        """The boxes as they are."""
        return self.task.best(x)

    def output_to_numpy(self, out: BoxList | Iterable[BoxList]) -> Any:
        """Boxes as a dictionary of arrays with `boxes` (N, 4) yxyx; of a batch, as a list."""
        if not isinstance(out, BoxList):
            return [self.output_to_numpy(one) for one in out]
        arrays: dict[str, NDArray[Any]] = {'boxes': out.convert_boxes('yxyx').cpu().numpy()}
        for name, values in out.extras.items():
            arrays[name] = values.cpu().numpy() if isinstance(values, Tensor) else values
        return arrays

    def _to_numpy(self, item: Any) -> Any:
        parts = item if isinstance(item, tuple) else (item,)
        arrays = tuple(
            np.asarray(part) if isinstance(part, Tensor) else self.output_to_numpy(part)
            for part in parts
        )
        return arrays if isinstance(item, tuple) else arrays[0]

    # --- ONNX

    def export_to_onnx(self, path: str, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  of the base class
        """Not done for detectors.

        Raises:
            DataError: Always.
        """
        raise DataError(
            'Detectors are not written as ONNX: what they do depends on the number of boxes that '
            'they find, and the file would be good for one size of batch only.'
        )

    def load_onnx_model(self, model_path: str) -> ONNXRuntimeAdapterForFasterRCNN:
        """Load an ONNX file of a detector, such as release 0.31 wrote it."""
        return ONNXRuntimeAdapterForFasterRCNN.from_file(model_path)


def is_torchvision_detector(model: Any) -> TypeGuard[nn.Module]:
    """Whether a model is one of torchvision's detectors."""
    return isinstance(model, nn.Module) and 'torchvision.models.detection' in {
        kind.__module__.rpartition('.')[0] for kind in type(model).__mro__
    }
