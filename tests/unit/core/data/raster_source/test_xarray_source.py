"""XarraySource: arrays in memory, Zarr and NetCDF."""

import pickle
import sys

import numpy as np
import pytest
import xarray as xr
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import IdentityCRSTransformer, RasterioCRSTransformer
from rastervision.core.data.raster_source import (
    ChannelOrderError,
    STACItemConfig,
    XarrayFileSourceConfig,
    XarraySource,
)
from rastervision.core.data.raster_source.lazy_array import lazy_array, stack_arrays
from rastervision.core.data.raster_transformer import CastTransformer
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

TIMES, BANDS, HEIGHT, WIDTH = 3, 4, 30, 40
GRID = Affine(10, 0, 300_000, 0, -10, 5_200_000)
PIXELS = np.random.default_rng(0).integers(1, 2000, (TIMES, BANDS, HEIGHT, WIDTH), dtype=np.uint16)


def series(pixels=PIXELS, **attrs):
    return xr.DataArray(pixels, dims=('time', 'band', 'y', 'x'), attrs=attrs)


def with_coords(array, crs='EPSG:32633'):
    """A dataset with CF coordinates and grid mapping."""
    import pyproj

    y = GRID.f + GRID.e * (np.arange(HEIGHT) + 0.5)
    x = GRID.c + GRID.a * (np.arange(WIDTH) + 0.5)
    dataset = array.assign_coords(y=y, x=x).to_dataset(name='reflectance')
    dataset['spatial_ref'] = xr.DataArray(0, attrs=pyproj.CRS(crs).to_cf())
    dataset['reflectance'].attrs['grid_mapping'] = 'spatial_ref'
    return dataset


@pytest.mark.parametrize('dims', [('time', 'band', 'y', 'x'), ('x', 'time', 'y', 'band')])
def test_any_order_of_dims_gives_time_rows_columns_channels(dims):
    source = XarraySource(
        series().transpose(*dims), IdentityCRSTransformer(), channel_order=[2, 0], temporal=True
    )
    expected = PIXELS[:, [2, 0]].transpose(0, 2, 3, 1)
    assert source.shape == (TIMES, HEIGHT, WIDTH, 2)
    assert source.dtype == np.uint16
    assert np.array_equal(source[:], expected)
    assert np.array_equal(source[1, 3:9, 4:8, 0], expected[1, 3:9, 4:8, 0])
    assert np.array_equal(source[:2, 3:9], expected[:2, 3:9])
    window = Box(2, 3, 10, 9)
    assert np.array_equal(source[window], expected[:, 2:10, 3:9])
    assert np.array_equal(source.get_chip(window, bands=1, time=0), expected[0, 2:10, 3:9, 1])
    assert np.array_equal(
        source.get_chip(window, bands=[1], time=[0, 2]), expected[[0, 2], 2:10, 3:9, 1:]
    )


@pytest.mark.parametrize('array', [series().isel(time=1), series().isel(time=[1])])
def test_one_time(array):
    source = XarraySource(array, IdentityCRSTransformer(), bbox=Box(5, 5, 25, 35))
    expected = PIXELS[1, :, 5:25, 5:35].transpose(1, 2, 0)
    assert source.shape == (20, 30, BANDS)
    assert np.array_equal(source[:], expected)
    outside = source.read(Box(-5, 0, 5, 30))
    assert not outside.valid[:5].any()
    assert np.array_equal(outside.pixels[5:], expected[:5])
    reread = pickle.loads(pickle.dumps(source))
    assert np.array_equal(reread[:], expected)


def test_one_band_without_a_dim_for_it():
    source = XarraySource(series().isel(time=0, band=0), IdentityCRSTransformer())
    assert source.shape == (HEIGHT, WIDTH, 1)
    assert np.array_equal(source[:][..., 0], PIXELS[0, 0])


@pytest.mark.parametrize(
    ('array', 'temporal', 'match'),
    [
        (series(), False, '3 times'),
        (series().isel(time=0), True, 'temporal'),
        (series().isel(y=0), True, 'dims'),
        (series().rename(band='depth'), True, 'depth'),
    ],
)
def test_arrays_that_do_not_fit(array, temporal, match):
    with pytest.raises(DataError, match=match):
        XarraySource(array, IdentityCRSTransformer(), temporal=temporal)


def test_channel_beyond_the_bands():
    with pytest.raises(ChannelOrderError, match=r'0\.\.3'):
        XarraySource(series(), IdentityCRSTransformer(), channel_order=[4], temporal=True)


def test_fill_values_and_nan_are_not_valid():
    pixels = PIXELS.copy()
    pixels[0, :, :10] = 0
    pixels[1, 1, :10] = 0
    source = XarraySource(series(pixels, _FillValue=0), IdentityCRSTransformer(), temporal=True)
    valid = source.read(source.extent).valid
    assert np.array_equal(
        valid[0], np.broadcast_to(np.arange(HEIGHT)[:, None] >= 10, valid[0].shape)
    )
    assert valid[1:].all()
    floats = pixels.astype(np.float32)
    floats[floats == 0] = np.nan
    source = XarraySource(series(floats), IdentityCRSTransformer(), temporal=True)
    chip = source.read(source.extent)
    assert np.array_equal(chip.valid, valid)
    assert (chip.pixels[0, :10] == 0).all()
    assert np.isnan(chip.pixels[1, :10, :, 1]).all()
    # the edge of the data does not grey when it is resampled
    bright = np.where(np.isnan(floats), np.nan, np.float32(100))
    source = XarraySource(series(bright), IdentityCRSTransformer(), temporal=True)
    seen = source.get_chip(source.extent, out_shape=(17, 23))
    assert seen.shape == (TIMES, 17, 23, BANDS)
    assert set(np.unique(np.nan_to_num(seen))) <= {0, 100}


def test_a_window_reads_no_more_than_its_pixels():
    read = []

    def values(index):
        shape = tuple(
            len(np.arange(n)[i]) for n, i in zip((BANDS, 10**6, 10**6), index, strict=True)
        )
        read.append(shape)
        return np.full(shape, 7, np.uint8)

    sizes = {'band': BANDS, 'y': 10**6, 'x': 10**6}
    source = XarraySource(
        lazy_array(values, sizes, np.uint8),
        IdentityCRSTransformer(),
        channel_order=[1, 2],
        raster_transformers=[CastTransformer('float32')],
    )
    assert source.shape == (10**6, 10**6, 2)
    chip = source[500_000:500_064, 100:132]
    assert np.array_equal(chip, np.full((64, 32, 2), 7, np.float32))
    assert read == [(2, 64, 32)]


@pytest.mark.parametrize('index', [1, [2, 0], slice(0, 2), slice(None, None, 2)])
def test_lazy_stacks_are_stacks(index):
    bands = [series().isel(band=i, drop=True) for i in range(BANDS)]
    stack = stack_arrays(bands, 'band', ['a', 'b', 'c', 'd'])
    eager = xr.concat(bands, 'band')
    assert stack.dtype == np.uint16
    part = {'band': index, 'time': index, 'y': slice(3, 9), 'x': [5, 2]}
    assert np.array_equal(stack.isel(part).to_numpy(), eager.isel(part).to_numpy())


@pytest.mark.parametrize('suffix', ['zarr', 'nc'])
def test_files(tmp_path, suffix):
    path = str(tmp_path / f'image.{suffix}')
    write(with_coords(series(_FillValue=65535)), path)
    source = XarraySource.from_file(path, temporal=True)
    assert np.array_equal(source[:], PIXELS.transpose(0, 2, 3, 1))
    assert source.dtype == np.uint16
    transformer = source.crs_transformer
    assert isinstance(transformer, RasterioCRSTransformer)
    assert transformer.transform.almost_equals(GRID)
    lon, lat = transformer.pixel_to_map((20, 15))
    expected = RasterioCRSTransformer(GRID, 'EPSG:32633').pixel_to_map((20, 15))
    assert np.allclose((lon, lat), expected)
    reread = pickle.loads(pickle.dumps(source))
    assert np.array_equal(reread[0, 3:5], source[0, 3:5])

    part = transformer.pixel_to_map(Box(5, 5, 20, 30)).tuple_format()
    config = XarrayFileSourceConfig(
        uri=path, temporal=True, bbox_map_coords=part, channel_order=[3]
    )
    cropped = build_config(config.to_dict()).build()
    # north is not straight up in UTM, so that the corners may lie a pixel further out
    assert np.abs(np.array(cropped.bbox.tuple_format()) - (5, 5, 20, 30)).max() <= 1
    rows, columns = cropped.bbox.to_slices()
    assert np.array_equal(cropped[:], source[:, rows, columns, [3]])
    with pytest.raises(DataError, match=r'image\.\w+.*3 times'):
        XarraySource.from_file(path)


def write(dataset, path):
    if path.endswith('.zarr'):
        dataset.to_zarr(path, zarr_format=2, consolidated=True)
    else:
        dataset.to_netcdf(path)


def test_variables_become_bands(tmp_path):
    path = str(tmp_path / 'bands.nc')
    y, x = np.linspace(48, 47, 11), np.linspace(8, 10, 21)
    red, nir = np.random.default_rng(1).random((2, 11, 21)).astype(np.float32)
    coords = {
        'lat': ('lat', y, {'units': 'degrees_north'}),
        'lon': ('lon', x, {'units': 'degrees_east'}),
    }
    dataset = xr.Dataset({'red': (('lat', 'lon'), red), 'nir': (('lat', 'lon'), nir)}, coords)
    dataset['station'] = xr.DataArray([1, 2], dims='place')
    dataset.to_netcdf(path)
    source = XarraySource.from_file(path)
    assert np.array_equal(source[:], np.stack([red, nir], axis=-1))
    assert source.crs_transformer.map_to_pixel((9.0, 47.5)) == (10, 5)
    one = XarraySource.from_file(path, variable='nir')
    assert np.array_equal(one[:][..., 0], nir)
    both = XarraySource.from_file(path, variable=['nir', 'red'])
    assert np.array_equal(both[:], source[:][..., ::-1])
    with pytest.raises(DataError, match="no raster 'blue'; it has red, nir"):
        XarraySource.from_file(path, variable='blue')
    with pytest.raises(DataError, match="no raster 'station'"):
        XarraySource.from_file(path, variable='station')
    with pytest.raises(DataError, match='no pixels'):
        XarraySource.from_file(path, bbox_map_coords=(10, 100, 11, 101))


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(NotReadableError, match='does not exist'):
        XarraySource.from_file(str(tmp_path / 'missing.nc'))
    for name in ('empty.nc', 'wrong.nc', 'wrong.zarr'):
        path = tmp_path / name
        path.write_bytes(b'' if name == 'empty.nc' else b'no raster at all')
        with pytest.raises(NotReadableError, match=name):
            XarraySource.from_file(str(path))
    xr.Dataset({'depth': (('place',), [1.0, 2.0])}).to_netcdf(tmp_path / 'points.nc')
    with pytest.raises(DataError, match=r'points\.nc.*depth\(place\)'):
        XarraySource.from_file(str(tmp_path / 'points.nc'))
    uneven = with_coords(series()).assign_coords(x=np.arange(WIDTH) ** 2.0)
    uneven.to_netcdf(tmp_path / 'uneven.nc')
    with pytest.raises(DataError, match=r'uneven\.nc are not evenly spaced'):
        XarraySource.from_file(str(tmp_path / 'uneven.nc'), temporal=True)


def test_no_georeference(tmp_path):
    path = str(tmp_path / 'plain.nc')
    series().isel(time=0).to_dataset(name='values').to_netcdf(path)
    source = XarraySource.from_file(path)
    assert isinstance(source.crs_transformer, IdentityCRSTransformer)
    assert source.shape == (HEIGHT, WIDTH, BANDS)


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        ({'bbox': (0, 0, 5, 5)}, 'bbox or bbox_map_coords'),
        ({'bbox_map_coords': (1, 2, 1, 3)}, 'empty'),
        ({'variable': 3}, 'variable'),
        ({'uris': 'a.nc'}, 'uris'),
    ],
)
def test_bad_configs(changes, match):
    with pytest.raises(ConfigError, match=match):
        XarrayFileSourceConfig(**{'uri': 'a.nc', 'bbox_map_coords': (1, 2, 3, 4), **changes})


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    path = tmp_path / 'cube.zarr'
    path.mkdir()
    monkeypatch.setitem(sys.modules, 'xarray', None)
    with pytest.raises(ConfigError, match=r'rastervision\[xarray\]'):
        XarraySource.from_file(str(path))
    monkeypatch.setitem(sys.modules, 'pystac', None)
    with pytest.raises(ConfigError, match=r'rastervision\[stac\]'):
        STACItemConfig(uri=str(path)).build()
