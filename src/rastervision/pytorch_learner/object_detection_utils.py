"""What object detection needs around a model: boxes, the joint to torchvision, COCO figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rastervision.core.data.utils.colors import color_to_triple
from rastervision.pytorch_learner.boxlist import BoxList, collate_fn
from rastervision.pytorch_learner.inference.engine import ONNXRuntimeAdapter
from rastervision.pytorch_learner.tasks.detection import match
from rastervision.pytorch_learner.utils.precision import autocast_only

__all__ = [
    'BoxList',
    'ONNXRuntimeAdapterForFasterRCNN',
    'TorchVisionODAdapter',
    'collate_fn',
    'compute_coco_eval',
    'draw_boxes',
    'get_coco_gt',
    'get_coco_preds',
]


_NETWORKS = ('backbone', 'head', 'rpn.head', 'roi_heads.box_head', 'roi_heads.box_predictor')
"""Where detectors of torchvision compute with weights; the rest of them handles boxes."""

_AT_75 = 5
"""Position of 0.75 among the overlaps of COCO."""


class TorchVisionODAdapter(nn.Module):
    """A detector with the interface of torchvision's, for and as BoxLists.

    torchvision keeps label 0 for the background, so class id k is its label k + 1. Under autocast,
    its networks compute in 16 bits, and everything about boxes is computed in float32.
    """

    def __init__(self, model: nn.Module, ignored_output_inds: Sequence[int] = (0,)) -> None:
        """Constructor.

        Args:
            model: Takes a list of images (C, H, W) and, in training, dictionaries with `boxes`
                (N, 4) xyxy and `labels` (N,). Gives a dictionary of losses in training, otherwise
                one dictionary with `boxes`, `labels` and `scores` for each image.
            ignored_output_inds: Labels of the model whose boxes are dropped.
        """
        super().__init__()
        self.model = model
        self.ignored_output_inds = list(ignored_output_inds)

    def forward(
        self,
        input: Tensor,  # noqa: A002  the name of release 0.31
        targets: Iterable[BoxList] | None = None,
    ) -> dict[str, Tensor] | list[BoxList]:
        """Losses, if there are targets; otherwise the boxes that the model finds.

        Args:
            input: (N, C, H, W) images.
            targets: The boxes of each image, with `class_ids`.

        Returns:
            With targets, the losses of the model by name. Without, a BoxList for each image, with
            `class_ids` and `scores`.
        """
        images = list(input)
        if targets is not None:
            inputs = [self.boxlist_to_model_input_dict(boxlist) for boxlist in targets]
            with autocast_only(self._networks(), input.device):
                losses: dict[str, Tensor] = self.model(images, inputs)
            return losses
        with autocast_only(self._networks(), input.device):
            found = self.model(images)
        return [self.model_output_dict_to_boxlist(out) for out in found]

    def _networks(self) -> list[nn.Module]:
        modules = dict(self.model.named_modules())
        return [modules[name] for name in _NETWORKS if name in modules]

    def run_networks(self, images: Tensor) -> None:
        """Run all that computes with weights, on as much as in training; boxes are not needed.

        Args:
            images: (N, C, H, W), of the size that the model scales them to.
        """
        model: Any = self.model
        levels = list(model.backbone(images).values())
        if not hasattr(model, 'roi_heads'):
            model.head(levels)
            return
        model.rpn.head(levels)
        heads = model.roi_heads
        count = len(images) * heads.fg_bg_sampler.batch_size_per_image
        shape = (count, levels[0].shape[1], *heads.box_roi_pool.output_size)
        heads.box_predictor(heads.box_head(levels[0].new_zeros(shape)))

    def boxlist_to_model_input_dict(self, boxlist: BoxList) -> dict[str, Tensor]:
        """Boxes as the model takes them; those without an area, which it refuses, are left out."""
        boxes, class_ids = boxlist.boxes.float(), boxlist.get_field('class_ids')
        keep = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        return {'boxes': boxes[keep], 'labels': class_ids[keep].long() + 1}

    def model_output_dict_to_boxlist(self, out: Mapping[str, Tensor]) -> BoxList:
        """What the model gives for an image, as boxes."""
        found = BoxList(out['boxes'], class_ids=out['labels'] - 1, scores=out['scores'])
        if not self.ignored_output_inds:
            return found
        ignored = out['labels'].new_tensor(self.ignored_output_inds)
        return found.ind_filter(~torch.isin(out['labels'], ignored))


class ONNXRuntimeAdapterForFasterRCNN(ONNXRuntimeAdapter):
    """A detector in an ONNX file whose outputs are boxes, labels and scores, image after image."""

    def __call__(self, x: Tensor | NDArray[np.float32]) -> Any:
        """What the model finds.

        Args:
            x: (N, C, H, W) images; N as many as the file was made for.

        Returns:
            For each image, a dictionary of `boxes` (K, 4) xyxy, `labels` (K,) and `scores` (K,).
        """
        array = np.ascontiguousarray(np.asarray(x), dtype=np.float32)
        outputs = list(map(torch.from_numpy, self.ort_session.run(None, {self._input: array})))
        names = ('boxes', 'labels', 'scores')
        return [
            dict(zip(names, outputs[start : start + 3], strict=True))
            for start in range(0, len(outputs), 3)
        ]


def get_coco_gt(targets: Iterable[BoxList], num_class_ids: int) -> dict[str, list[dict[str, Any]]]:
    """True boxes as a COCO data set, whose ids begin at 1.

    Args:
        targets: The boxes of each image, with `class_ids`.
        num_class_ids: Number of classes.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for img_id, boxlist in enumerate(targets, start=1):
        images.append({'id': img_id, 'file_name': f'{img_id}.png'})
        for box, category_id in _rows(boxlist):
            annotations.append(
                {
                    'id': len(annotations) + 1,
                    'image_id': img_id,
                    'category_id': category_id,
                    'bbox': box,
                    'area': box[2] * box[3],
                    'iscrowd': 0,
                }
            )
    categories = [{'id': i, 'name': str(i)} for i in range(1, num_class_ids + 1)]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def get_coco_preds(outputs: Iterable[BoxList]) -> list[dict[str, Any]]:
    """Boxes that were found as COCO results, whose ids begin at 1.

    Args:
        outputs: The boxes of each image, with `class_ids` and `scores`.
    """
    return [
        {'image_id': img_id, 'category_id': category_id, 'bbox': box, 'score': score}
        for img_id, boxlist in enumerate(outputs, start=1)
        for (box, category_id), score in zip(
            _rows(boxlist), boxlist.get_field('scores').tolist(), strict=True
        )
    ]


def _rows(boxlist: BoxList) -> Iterable[tuple[list[float], int]]:
    """Each box as xmin, ymin, width and height, with the id of its category."""
    boxes = boxlist.convert_boxes('xywh').tolist()
    return zip(boxes, (boxlist.get_field('class_ids') + 1).tolist(), strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class CocoEval:
    """Average precision as COCO computes it.

    Attributes:
        stats: (3,) means over classes: over overlaps from 0.5 to 0.95, at 0.5 and at 0.75. NaN
            without true boxes.
    """

    stats: NDArray[np.float64]


def compute_coco_eval(
    outputs: Sequence[BoxList], targets: Sequence[BoxList], num_class_ids: int
) -> CocoEval:
    """Compare boxes that were found with the true ones.

    Args:
        outputs: The boxes of each image, with `class_ids` and `scores`.
        targets: The true boxes of each image, with `class_ids`.
        num_class_ids: Number of classes.
    """
    by_class = match(outputs, targets, num_class_ids).average_precisions()
    known = by_class[~np.isnan(by_class).any(axis=1)]
    if not len(known):
        return CocoEval(np.full(3, np.nan))
    by_overlap = known.mean(axis=0)
    return CocoEval(np.array([by_overlap.mean(), by_overlap[0], by_overlap[_AT_75]]))


def draw_boxes(
    x: Tensor, y: BoxList, class_names: Sequence[str], class_colors: Sequence[Any]
) -> Tensor:
    """Draw boxes into an image.

    Args:
        x: (H, W, 3) image in [0, 1]; or of one channel.
        y: Boxes with `class_ids`, and maybe `scores`.
        class_names: Names of the classes.
        class_colors: Their colours: names, or numbers from 0 to 255.

    Returns:
        (H, W, 3) in [0, 1].
    """
    from torchvision.utils import draw_bounding_boxes

    image = (x.clamp(0, 1) * 255).round().to(torch.uint8).movedim(-1, 0).expand(3, -1, -1)
    if len(y) > 0:
        class_ids, scores = y.get_field('class_ids').tolist(), y.get_field('scores')
        labels = [class_names[i] for i in class_ids]
        if scores is not None:
            labels = [f'{name} {s:.2f}' for name, s in zip(labels, scores.tolist(), strict=True)]
        colors = [color_to_triple(class_colors[i]) for i in class_ids]
        image = draw_bounding_boxes(image, y.boxes, labels, colors)
    return image.movedim(0, -1).float() / 255
