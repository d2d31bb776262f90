"""Arrays of xarray that read their pixels when they are asked for."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from xarray import DataArray

Index = tuple[Any, ...]


def lazy_array(
    read: Callable[[Index], NDArray[Any]],
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    coords: Mapping[Hashable, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> 'DataArray':
    """A DataArray whose pixels come from a function.

    Args:
        read: gives the values for an index with a number, a slice or a 1-D array of positions for
            each dim; each picks along its own dim.
        sizes: dims in their order, with their lengths.
        dtype: dtype of the values.
        coords: as for DataArray.
        attrs: as for DataArray.
    """
    from xarray import DataArray, Variable
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class FunctionArray(BackendArray):
        shape = tuple(sizes.values())

        def __getitem__(self, key: Any) -> Any:
            outer = indexing.IndexingSupport.OUTER
            return indexing.explicit_indexing_adapter(key, self.shape, outer, read)

    array = FunctionArray()
    array.dtype = np.dtype(dtype)
    variable = Variable(tuple(sizes), indexing.LazilyIndexedArray(array), attrs=dict(attrs or {}))
    return DataArray(variable, coords=dict(coords or {}))


def stack_arrays(arrays: Sequence['DataArray'], dim: str, names: Sequence[str]) -> 'DataArray':
    """Stack arrays of one shape along a new first dim, without reading them."""
    first = arrays[0]

    def read(index: Index) -> NDArray[Any]:
        which, *rest = index
        inner = dict(zip(first.dims, rest, strict=True))
        positions = np.arange(len(arrays))[which]
        parts = [arrays[i].isel(inner).to_numpy() for i in np.atleast_1d(positions)]
        return np.stack(parts) if np.ndim(positions) else parts[0]

    sizes = {dim: len(arrays), **{str(d): n for d, n in first.sizes.items()}}
    dtype = np.result_type(*(array.dtype for array in arrays))
    return lazy_array(read, sizes, dtype, {dim: list(names)}, first.attrs)


def as_range(index: Any, length: int) -> tuple[slice, Any]:
    """The positions that an index of one dim touches, and the index within these.

    Args:
        index: a number, a slice or a 1-D array of positions.
        length: length of the dim.

    Returns:
        The smallest slice of step 1 that covers them, and the index of the values read there.
    """
    positions = np.arange(length)[index]
    if not np.size(positions):
        return slice(0, 0), slice(0, 0)
    start, stop = int(np.min(positions)), int(np.max(positions)) + 1
    if isinstance(index, slice) and index.step in {None, 1}:
        return slice(start, stop), slice(None)
    return slice(start, stop), positions - start
