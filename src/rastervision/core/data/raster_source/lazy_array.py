"""Arrays of xarray that read their pixels when they are asked for.

This module imports xarray, so it is imported where it is needed only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from xarray import DataArray, Variable
from xarray.backends import BackendArray
from xarray.core import indexing

Index = tuple[Any, ...]
Read = Callable[[Index], NDArray[Any]]


class _LazyArray(BackendArray):
    def __init__(self, read: Read, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.read, self.shape, self.dtype = read, shape, dtype

    def __getitem__(self, key: Any) -> Any:
        outer = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, outer, self.read)


def lazy_array(
    read: Read,
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    coords: Mapping[Any, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> DataArray:
    """A DataArray whose pixels come from a function.

    Args:
        read: gives the values for an index with a number, a slice or a 1-D array of positions for
            each dim; each picks along its own dim.
        sizes: dims in their order, with their lengths.
        dtype: dtype of the values.
        coords: as for DataArray.
        attrs: as for DataArray.
    """
    array = _LazyArray(read, tuple(sizes.values()), np.dtype(dtype))
    variable = Variable(tuple(sizes), indexing.LazilyIndexedArray(array), attrs=dict(attrs or {}))
    return DataArray(variable, coords=dict(coords or {}))


@dataclass(frozen=True, eq=False, slots=True)
class _Stack:
    arrays: Sequence[DataArray]

    def __call__(self, index: Index) -> NDArray[Any]:
        which, *rest = index
        inner = dict(zip(self.arrays[0].dims, rest, strict=True))
        positions = np.arange(len(self.arrays))[which]
        parts = [self.arrays[i].isel(inner).to_numpy() for i in np.atleast_1d(positions)]
        return np.stack(parts) if np.ndim(positions) else np.asarray(parts[0])


def stack_arrays(arrays: Sequence[DataArray], dim: str, names: Sequence[str]) -> DataArray:
    """Stack arrays of one shape along a new first dim, without reading them."""
    first = arrays[0]
    sizes = {dim: len(arrays), **{str(d): n for d, n in first.sizes.items()}}
    dtype = np.result_type(*(array.dtype for array in arrays))
    return lazy_array(_Stack(arrays), sizes, dtype, {dim: list(names)}, first.attrs)


def as_range(index: Any, length: int) -> tuple[slice, Any]:
    """The positions that an index of one dim touches, and the index within these.

    Args:
        index: a number, a slice or a 1-D array of positions.
        length: length of the dim.

    Returns:
        The smallest slice of step 1 that covers them, and the index of the values read there.
    """
    positions = np.arange(length)[index]
    start = int(positions.min()) if positions.size else 0
    stop = int(positions.max()) + 1 if positions.size else 0
    plain = isinstance(index, slice) and index.step in {None, 1}
    return slice(start, stop), slice(None) if plain else positions - start
