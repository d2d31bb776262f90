"""BoxList: the boxes of one image as tensors, with class ids, scores and the like."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from rastervision.pytorch_learner.training.loaders import check_shapes

_YXYX_ORDER = [1, 0, 3, 2]


class BoxList:
    """Boxes of an image, in pixels.

    Attributes:
        boxes: (N, 4) xmin, ymin, xmax, ymax.
        extras: What else is known of the boxes, by name: tensors with N rows such as `class_ids`
            and `scores`, or anything that all boxes share.
    """

    def __init__(self, boxes: Tensor, format: str = 'xyxy', **extras: Any) -> None:  # noqa: A002  the name of release 0.31
        """Constructor.

        Args:
            boxes: (N, 4) boxes.
            format: What the four numbers are: `xyxy`, `yxyx`, or `xywh` and `cxcywh` as in
                torchvision.
            extras: See `extras`.
        """
        self.boxes = _convert(boxes, format, 'xyxy')
        self.extras = extras

    def __contains__(self, name: str) -> bool:
        return name == 'boxes' or name in self.extras

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        return f'BoxList({self.boxes}, {self.extras})'

    def get_field(self, name: str) -> Any:
        """The boxes, or an extra; None if there is no such extra."""
        return self.boxes if name == 'boxes' else self.extras.get(name)

    def convert_boxes(self, out_fmt: str) -> Tensor:
        """The boxes in another format; see the constructor."""
        return _convert(self.boxes, 'xyxy', out_fmt)

    def copy(self) -> Self:
        """A copy that shares no tensor with this one."""
        return self._each(Tensor.clone)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """A copy on another device; the arguments are those of `Tensor.to`.

        A type of numbers changes the boxes only.
        """
        boxes = self.boxes.to(*args, **kwargs)
        moved = [a for a in args if not isinstance(a, torch.dtype)]
        options = {k: v for k, v in kwargs.items() if k != 'dtype'}
        rest = self._each(lambda t: t.to(*moved, **options) if moved or options else t)
        return type(self)(boxes, **rest.extras)

    def pin_memory(self) -> Self:
        """A copy from which GPUs read fast."""
        return self._each(Tensor.pin_memory)

    @staticmethod
    def cat(box_lists: 'Iterable[BoxList]') -> 'BoxList':
        """Join lists that have the same extras, all of them tensors; none give no boxes."""
        lists = list(box_lists)
        if not lists:
            return BoxList(torch.zeros(0, 4))
        names = lists[0].extras
        extras: dict[str, Any] = {k: torch.cat([b.extras[k] for b in lists]) for k in names}
        return BoxList(torch.cat([b.boxes for b in lists]), **extras)

    def equal(self, other: 'BoxList') -> bool:
        """Whether both hold the same boxes with the same extras, in whatever order."""
        if len(self) != len(other) or self.extras.keys() != other.extras.keys():
            return False
        return _shared(self) == _shared(other) and _rows(self) == _rows(other)

    def ind_filter(self, inds: 'Sequence[int] | Tensor') -> Self:
        """The boxes at some indices, or for which a mask is true."""
        index = torch.as_tensor(inds, device=self.boxes.device)
        if index.dtype != torch.bool:
            index = index.long()
        return self._each(lambda t: t[index])

    def score_filter(self, score_thresh: float = 0.25) -> Self:
        """The boxes with a score above a threshold."""
        return self.ind_filter(self._required('scores') > score_thresh)

    def clip_boxes(self, img_height: int, img_width: int) -> Self:
        """The boxes cut at the edges of an image."""
        from torchvision.ops import clip_boxes_to_image

        return type(self)(clip_boxes_to_image(self.boxes, (img_height, img_width)), **self.extras)

    def nms(self, iou_thresh: float = 0.5) -> Self:
        """The boxes without those that overlap a better one of their class by more than this."""
        from torchvision.ops import batched_nms

        keep = batched_nms(
            self.boxes, self._required('scores'), self._required('class_ids'), iou_thresh
        )
        return self.ind_filter(keep)

    def scale(self, yscale: float, xscale: float) -> Self:
        """The boxes of the image resized by factors."""
        factors = self.boxes.new_tensor([xscale, yscale, xscale, yscale])
        return type(self)(self.boxes * factors, **self.extras)

    def _required(self, name: str) -> Tensor:
        if name not in self.extras:
            raise ValueError(f'These boxes have no {name}.')
        values: Tensor = self.extras[name]
        return values

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        """A list whose boxes and tensors are changed."""
        extras: dict[str, Any] = {
            k: change(v) if isinstance(v, Tensor) else v for k, v in self.extras.items()
        }
        return type(self)(change(self.boxes), **extras)


def collate_fn(data: 'Iterable[Sequence[Any]]') -> tuple[Tensor, list[Any]]:
    """Join samples into a batch.

    Args:
        data: Images (C, H, W) of one size, each with its BoxList or, without labels, NaN.

    Returns:
        (N, C, H, W) images, and what belongs to them as a list.

    Raises:
        DataError: Images differ in shape.
    """
    images, labels = zip(*((sample[0], sample[1]) for sample in data), strict=True)
    check_shapes(images)
    return torch.stack(images), list(labels)


def _convert(boxes: Tensor, from_fmt: str, to_fmt: str) -> Tensor:
    """Boxes (N, 4) in another format; a tensor of N=0 may have any shape."""
    if boxes.numel() == 0:
        boxes = boxes.reshape(0, 4)
    if from_fmt == 'yxyx':
        boxes, from_fmt = boxes[:, _YXYX_ORDER], 'xyxy'
    if from_fmt == to_fmt:
        return boxes
    if to_fmt == 'yxyx':
        return _convert(boxes, from_fmt, 'xyxy')[:, _YXYX_ORDER]
    from torchvision.ops import box_convert

    converted: Tensor = box_convert(boxes, from_fmt, to_fmt)
    return converted


def _shared(boxlist: BoxList) -> dict[str, Any]:
    """What all boxes share."""
    return {k: v for k, v in boxlist.extras.items() if not isinstance(v, Tensor)}


def _rows(boxlist: BoxList) -> list[tuple[float, ...]]:
    """Boxes and their extras, in an order of their own."""
    extras = boxlist.extras
    tensors = [extras[k] for k in sorted(extras) if isinstance(extras[k], Tensor)]
    columns = [boxlist.boxes, *(t.reshape(len(boxlist), -1) for t in tensors)]
    return sorted(map(tuple, torch.cat([c.double().cpu() for c in columns], 1).tolist()))
