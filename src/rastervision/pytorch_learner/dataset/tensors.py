"""From chips to tensors: the one place where (H, W, C) becomes (C, H, W)."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rastervision.pytorch_learner.boxlist import BoxList


def scale_to_unit(x: NDArray[Any], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Pixels as float32; unsigned integers are divided by the largest number of their type.

    Args:
        x: Pixels of any shape.
        out: Where to put the result.
    """
    if out is None:
        out = np.empty(x.shape, np.float32)
    if x.dtype.kind == 'u':
        np.divide(x, np.float32(np.iinfo(x.dtype).max), out=out, dtype=np.float32)
    else:
        out[...] = x
    return out


def image_to_tensor(x: NDArray[Any], normalize: bool = True) -> Tensor:
    """A chip as the input of a network.

    Args:
        x: (..., H, W, C) pixels.
        normalize: Scale as `scale_to_unit` does; otherwise only the type changes.

    Returns:
        (..., C, H, W) contiguous float32.
    """
    planes = np.ascontiguousarray(np.moveaxis(x, -1, -3))
    out = np.empty(planes.shape, np.float32)
    if normalize:
        scale_to_unit(planes, out)
    else:
        out[...] = planes
    return torch.from_numpy(out)


def label_to_tensor(y: Any) -> Tensor | BoxList:
    """A label as a tensor: class ids as int64, other numbers as float32, no label as NaN.

    torch's collating of batches cannot handle None, hence the scalar NaN. A tuple of boxes, class
    ids and the format of the boxes becomes a BoxList.
    """
    if isinstance(y, tuple):
        boxes, class_ids, box_format = y
        tensor = torch.from_numpy(np.asarray(boxes, np.float32))
        ids = torch.from_numpy(np.asarray(class_ids, np.int64))
        return BoxList(tensor, box_format, class_ids=ids)
    if y is None:
        return torch.tensor(torch.nan)
    dtype = np.int64 if np.asarray(y).dtype.kind in 'biu' else np.float32
    return torch.from_numpy(np.array(y, dtype=dtype, order='C'))


def is_missing(y: Any) -> bool:
    """Tell whether a label, or each of a batch, is none: None, or NaN all over."""
    if isinstance(y, Tensor):
        return y.is_floating_point() and bool(torch.isnan(y).all())
    return y is None
