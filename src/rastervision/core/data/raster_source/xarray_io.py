"""Data arrays with a georeference, from Zarr stores and NetCDF files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError
from rastervision.pipeline.file_system import download_if_needed, file_exists, is_local

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

AXES = {
    'x': {'x', 'lon', 'longitude', 'easting', 'projection_x_coordinate'},
    'y': {'y', 'lat', 'latitude', 'northing', 'projection_y_coordinate'},
    'time': {'time', 't'},
}
"""What the axes are called, by their names or their attribute `standard_name`."""
EVEN = 1e-3
"""Part of a pixel by which coordinates may differ from evenly spaced ones."""


def xarray_module() -> Any:
    """The package xarray; ConfigError when it is not installed."""
    with extra_needed('Reading Zarr and NetCDF'):
        import xarray
    return xarray


@contextmanager
def extra_needed(doing: str) -> Iterator[None]:
    """Turn the absence of an optional package into a ConfigError that names the extra."""
    try:
        yield
    except ImportError as e:
        raise ConfigError(
            f'{doing} needs a package that is not installed ({e.name or e}): '
            'pip install "rastervision[xarray]".'
        ) from e


def open_data_array(
    uri: str, variable: str | Sequence[str] | None = None, tmp_dir: str | None = None
) -> tuple['DataArray', CRSTransformer]:
    """Open a Zarr store or a NetCDF file; pixels are read when they are asked for.

    Args:
        uri: the store or file.
        variable: variable to read, or several that become the bands. None takes all that have
            rows and columns.
        tmp_dir: directory for downloads.

    Returns:
        Array with the dims y and x, and maybe time and band, as the file has them (values as
        stored; `_FillValue` is an attribute); and the transformer of its grid.

    Raises:
        NotReadableError: the file is missing or of another kind.
        DataError: no such variable, or none with rows and columns, or coordinates that are not
            evenly spaced.
        ConfigError: a package is missing.
    """
    dataset = _open(uri, tmp_dir)
    from rastervision.core.data.raster_source.lazy_array import stack_arrays  # imports xarray

    names = _variables(dataset, variable, uri)
    dataset = _rename(dataset, uri)
    arrays = [dataset[name] for name in names]
    array = arrays[0] if len(arrays) == 1 else stack_arrays(arrays, 'band', names)
    return _name_bands(array, uri), _transformer(dataset, arrays[0], uri)


def _open(uri: str, tmp_dir: str | None) -> 'Dataset':
    xarray = xarray_module()
    is_zarr = '.zarr' in Path(uri.rstrip('/')).suffixes
    if is_local(uri) and not file_exists(uri):
        raise NotReadableError(f'{uri} does not exist.')
    path = uri if is_zarr else download_if_needed(uri, tmp_dir)
    with extra_needed(f'Reading {uri}'):
        if is_zarr:
            import zarr  # noqa: F401 - xarray would not say how to install it
        try:
            dataset: Dataset = xarray.open_dataset(
                path,
                engine='zarr' if is_zarr else None,
                mask_and_scale=False,
                decode_coords='all',
                cache=False,
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as e:
            raise NotReadableError(
                f'{uri} cannot be read as a Zarr store or a NetCDF file: {" ".join(str(e).split())}'
            ) from e
    return dataset


def _axis_of(name: str, attrs: Mapping[str, Any]) -> str | None:
    """x, y or time for the name of a dim or the attributes of its coordinates."""
    for axis, names in AXES.items():
        if name.lower() in names or attrs.get('standard_name') in names:
            return axis
    return {'X': 'x', 'Y': 'y', 'T': 'time'}.get(str(attrs.get('axis')))


def _axes(dataset: 'Dataset') -> dict[str, str]:
    """The dims that are x, y or time, by their own names."""
    found = {
        str(dim): _axis_of(str(dim), dataset[dim].attrs if dim in dataset.coords else {})
        for dim in dataset.dims
    }
    return {dim: axis for dim, axis in found.items() if axis is not None}


def _variables(dataset: 'Dataset', variable: str | Sequence[str] | None, uri: str) -> list[str]:
    axes = _axes(dataset)
    rasters = [
        str(name)
        for name, array in dataset.data_vars.items()
        if {'x', 'y'} <= {axes.get(str(dim)) for dim in array.dims}
    ]
    if not rasters:
        dims = ', '.join(f'{name}({", ".join(map(str, a.dims))})' for name, a in dataset.items())
        raise DataError(
            f'{uri} has no variable with rows and columns (dims y and x, or lat and lon); it has '
            f'{dims or "no variables"}.'
        )
    wanted = [variable] if isinstance(variable, str) else list(variable or rasters)
    missing = [name for name in wanted if name not in rasters]
    if missing:
        raise DataError(f'{uri} has no raster {missing[0]!r}; it has {", ".join(rasters)}.')
    if len({dataset[name].dims for name in wanted}) > 1:
        raise DataError(
            f'The variables {", ".join(wanted)} of {uri} have different dims; name one, or some '
            'with the same dims, by variable.'
        )
    return wanted


def _rename(dataset: 'Dataset', uri: str) -> 'Dataset':
    names = {dim: axis for dim, axis in _axes(dataset).items() if dim != axis}
    try:
        return dataset.rename(names)
    except ValueError as e:
        raise DataError(f'The dims of {uri} are ambiguous: {e}') from e


def _name_bands(array: 'DataArray', uri: str) -> 'DataArray':
    """Call the dim that is no other one `band`."""
    others = [dim for dim in array.dims if dim not in AXES]
    if len(others) > 1:
        raise DataError(
            f'{uri} has the dims {", ".join(map(str, array.dims))}; besides y, x and time there '
            'can be one more, the bands.'
        )
    return array if others in ([], ['band']) else array.rename({others[0]: 'band'})


def _transformer(dataset: 'Dataset', array: 'DataArray', uri: str) -> CRSTransformer:
    mapping = _grid_mapping(dataset, array)
    crs = _crs(dataset, mapping)
    if crs is None:
        return IdentityCRSTransformer()
    return RasterioCRSTransformer(_transform(dataset, mapping, uri), crs)


def _grid_mapping(dataset: 'Dataset', array: 'DataArray') -> Mapping[str, Any]:
    """Attributes that say where the raster lies, after the CF conventions."""
    name = array.encoding.get('grid_mapping') or array.attrs.get('grid_mapping')
    if name in dataset.variables:
        return dataset[name].attrs
    for candidate in dataset.variables.values():
        if {'crs_wkt', 'spatial_ref', 'grid_mapping_name'} & set(candidate.attrs):
            return candidate.attrs
    return {}


def _crs(dataset: 'Dataset', mapping: Mapping[str, Any]) -> Any:
    """CRS in a form that a transformer takes; None without."""
    from pyproj import CRS

    wkt = mapping.get('crs_wkt') or mapping.get('spatial_ref') or dataset.attrs.get('crs')
    if wkt:
        return wkt
    if 'grid_mapping_name' in mapping:
        return CRS.from_cf(dict(mapping)).to_wkt()
    units = str(dataset['x'].attrs.get('units', '')) if 'x' in dataset.coords else ''
    return 'EPSG:4326' if units.lower().startswith('degree') else None


def _transform(dataset: 'Dataset', mapping: Mapping[str, Any], uri: str) -> Affine:
    if 'GeoTransform' in mapping:
        return Affine.from_gdal(*map(float, str(mapping['GeoTransform']).split()))
    if 'x' not in dataset.coords or 'y' not in dataset.coords:
        raise DataError(f'{uri} has a CRS, but no coordinates of its rows and columns.')
    x, x_step = _even(dataset['x'].to_numpy(), uri)
    y, y_step = _even(dataset['y'].to_numpy(), uri)
    return Affine(x_step, 0, x - x_step / 2, 0, y_step, y - y_step / 2)


def _even(centres: Any, uri: str) -> tuple[float, float]:
    """First value and step of coordinates."""
    values = np.asarray(centres, dtype=np.float64)
    if len(values) < 2:
        raise DataError(f'{uri} has one row or column only, so its resolution is unknown.')
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not step or np.abs(values - values[0] - step * np.arange(len(values))).max() > abs(
        step * EVEN
    ) * len(values):
        raise DataError(f'The coordinates of {uri} are not evenly spaced; warp it to a grid first.')
    return float(values[0]), float(step)
