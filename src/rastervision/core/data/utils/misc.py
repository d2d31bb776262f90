"""Small helpers of the data layer: URIs, array indexing, images."""

from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.utils.colors import (
    color_to_integer,
    color_to_triple,
    normalize_color,
    rgb_to_int_array,
)
from rastervision.pipeline.errors import ConfigError, NotWritableError
from rastervision.pipeline.file_system import atomic_path

__all__ = [
    'Uris',
    'all_equal',
    'color_to_integer',
    'color_to_triple',
    'describe_source',
    'ensure_json_serializable',
    'expand_key',
    'listify_uris',
    'normalize_color',
    'parse_array_slices_2d',
    'parse_array_slices_Nd',
    'rgb_to_int_array',
    'save_img',
    'some_uris',
]

Uris: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]
"""One URI or local path, or several."""
ArrayKey: TypeAlias = slice | tuple[slice | int | EllipsisType | Any, ...]


def all_equal(it: Iterable[Any]) -> bool:
    """Whether all items equal the first one; True for none."""
    items = list(it)
    return all(item == items[0] for item in items)


def listify_uris(uris: Uris) -> list[str]:
    """A list of URIs from one URI, or path, or several.

    Raises:
        ConfigError: something else.
    """
    items = [uris] if isinstance(uris, (str, PathLike)) else uris
    try:
        return [fspath(item) for item in items]
    except TypeError:
        raise ConfigError(f'uris must be a URI or path, or a list of them, got {uris!r}.') from None


def some_uris(uris: Uris, source: str) -> list[str]:
    """Like `listify_uris`, but ConfigError, which calls it `source`, without any."""
    items = listify_uris(uris)
    if not items:
        raise ConfigError(f'uris of a {source} must name at least one file.')
    return items


def describe_source(source: Any) -> str:
    """What to call a source in a message: the files it reads (its `uris`), else its class."""
    uris = listify_uris(getattr(source, 'uris', None) or [])
    return ', '.join(str(uri) for uri in uris) or type(source).__name__


def parse_array_slices_2d(key: ArrayKey, extent: Box) -> tuple[Box, list[slice]]:
    """Split an index into an (H, W) source into a window and what is left to index.

    Args:
        key: one slice (rows) or a tuple of two.
        extent: extent of the source; gives open ends and what negative numbers count from.

    Returns:
        The window, and the slices (rows, columns) that take the steps from what is read there.
    """
    return parse_array_slices_Nd(key, extent, dims=2, h_dim=0, w_dim=1)


def parse_array_slices_Nd(  # noqa: N802 - name of 0.31
    key: ArrayKey, extent: Box, dims: int = 3, h_dim: int = -3, w_dim: int = -2
) -> tuple[Box, list[Any]]:
    """Split an index into an N-d source into a window and what is left to index.

    With the result, ``source[key]`` is ``read(window)[tuple(rest)]``. As in NumPy, missing ends
    are those of the extent, and negative ones count from its end; unlike in NumPy, an end beyond
    the extent is kept, and what lies there is read as nodata.

    Args:
        key: a slice or a tuple of slices, integers and at most one ``...``.
        extent: extent of the source.
        dims: number of dimensions of the source.
        h_dim: position of the rows among them.
        w_dim: position of the columns among them.

    Returns:
        The window, and an index for every dimension, in which those of rows and columns hold
        only the steps.

    Raises:
        ValueError: too many indices, an integer for rows or columns, an empty range, or a step
            that is not positive.
    """
    index = expand_key(key, dims)
    h_dim, w_dim = h_dim % dims, w_dim % dims
    y0, y1, y_step = _axis_range(index[h_dim], extent.height, key)
    x0, x1, x_step = _axis_range(index[w_dim], extent.width, key)
    index[h_dim], index[w_dim] = slice(None, None, y_step), slice(None, None, x_step)
    return Box(y0, x0, y1, x1), index


def expand_key(key: Any, dims: int) -> list[Any]:
    """One index for each of `dims` dimensions, from a key that may leave out some of them.

    Raises:
        ValueError: too many indices, or more than one ``...``.
    """
    index = list(key) if isinstance(key, tuple) else [key]
    ellipses = [i for i, item in enumerate(index) if item is Ellipsis]
    if len(ellipses) > 1:
        raise ValueError(f'Only one ... can stand in an index, got {key}.')
    if len(index) - len(ellipses) > dims:
        raise ValueError(f'Got {len(index)} indices for {dims} dimensions: {key}.')
    at = ellipses[0] if ellipses else len(index)
    rest = index[at + 1 :]
    fill = [slice(None)] * (dims - at - len(rest))
    return index[:at] + fill + rest


def _axis_range(index: Any, length: int, key: Any) -> tuple[int, int, int | None]:
    if not isinstance(index, slice):
        raise ValueError(  # noqa: TRY004 - as NumPy, IndexError or ValueError
            f'Rows and columns must be indexed by slices, got {index!r} in {key}.'
        )
    start = 0 if index.start is None else int(index.start)
    stop = length if index.stop is None else int(index.stop)
    start, stop = (n + length if n < 0 else n for n in (start, stop))
    if start >= stop:
        raise ValueError(f'The range {start}:{stop} in {key} is empty.')
    if index.step is not None and index.step < 1:
        raise ValueError(f'Steps must be positive, got {index.step} in {key}.')
    return start, stop, index.step


def ensure_json_serializable(obj: Any) -> Any:
    """A copy in which arrays, NumPy numbers, sets and tuples are JSON's lists and numbers."""
    if isinstance(obj, dict):
        return {_json_key(k): ensure_json_serializable(v) for k, v in obj.items()}
    if isinstance(obj, (list, tuple, set, frozenset)):
        return [ensure_json_serializable(v) for v in obj]
    if isinstance(obj, np.ndarray):
        return ensure_json_serializable(obj.tolist())
    if isinstance(obj, np.generic):
        return obj.item()
    if obj is None or isinstance(obj, (str, int, float, bool)):
        return obj
    return str(obj)


def _json_key(key: Any) -> Any:
    return key.item() if isinstance(key, np.generic) else key


def save_img(im_array: NDArray[Any], output_path: str) -> None:
    """Write an (H, W) or (H, W, 3) uint8 array as an image; the suffix says which kind.

    Raises:
        NotWritableError: PIL does not know the suffix, or the file cannot be written.
    """
    from PIL import Image

    with atomic_path(output_path) as path:
        try:
            Image.fromarray(im_array).save(path)
        except ValueError as e:
            raise NotWritableError(f'{output_path} cannot be written as an image: {e}.') from None
