"""Files of every kind that GDAL reads come with their pixels, their mask and their place."""

import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine
from rasterio.enums import ColorInterp

from rastervision.core.data import IdentityCRSTransformer, RasterioSource, RasterioSourceConfig
from rastervision.core.data.raster_source.rasterio_io import is_gdal_name
from rastervision.pipeline.errors import NotReadableError

SIZE = (40, 60)
DISC = np.hypot(*(np.mgrid[:40, :60] - np.array([20, 30])[:, None, None])) < 15
UTM = Affine(0.5, 0, 300_000, 0, -0.5, 4_000_000)
LON_LAT = Affine(1e-4, 0, 14, 0, -1e-4, 46)
LOCAL_CRS = '+proj=laea +lat_0=50 +lon_0=20 +ellps=WGS84 +units=m +no_defs'
SINUSOIDAL = '+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs'

LOSSLESS_JPEG2000 = {'driver': 'JP2OpenJPEG', 'REVERSIBLE': 'YES', 'QUALITY': 100}

# name -> bands, dtype, what is written with the pixels, share of the pixels that is valid
KINDS = {
    'gray': (1, 'uint8', {}, 'all'),
    'rgb of 16 bits': (3, 'uint16', {'photometric': 'rgb'}, 'all'),
    '13 bands': (13, 'uint16', {'nodata': 0}, 'disc'),
    'floats with NaN': (2, 'float32', {'nodata': float('nan')}, 'disc'),
    'lowest float as nodata': (1, 'float32', {'nodata': -3.4e38}, 'disc'),
    'signed with nodata': (3, 'int16', {'nodata': -9999}, 'disc'),
    'highest value as nodata': (3, 'uint16', {'nodata': 65535}, 'disc'),
    'nothing but nodata': (4, 'uint16', {'nodata': 0}, 'none'),
    'south up': (3, 'uint8', {'transform': Affine(0.5, 0, 3e5, 0, 0.5, 4e6)}, 'all'),
    'rotated': (3, 'uint8', {'transform': UTM @ Affine.rotation(20)}, 'all'),
    'pixels that are not square': (3, 'uint8', {'transform': UTM @ Affine.scale(2, 1)}, 'all'),
    'degrees': (3, 'uint8', {'crs': 'EPSG:4326', 'transform': LON_LAT}, 'all'),
    'across the date line': (1, 'uint16', {'crs': 'EPSG:32660', 'transform': UTM}, 'all'),
    'UTM south': (1, 'uint8', {'crs': 'EPSG:31985'}, 'all'),
    'web mercator': (3, 'uint8', {'crs': 'EPSG:3857'}, 'all'),
    'a CRS of its own': (3, 'uint8', {'crs': LOCAL_CRS}, 'all'),
    'sinusoidal': (1, 'int16', {'crs': SINUSOIDAL}, 'all'),
    'complex': (1, 'complex64', {}, 'all'),
    'compressed tiles': (3, 'uint8', {'tiled': True, 'blockxsize': 16, 'blockysize': 16}, 'all'),
    'bands side by side': (3, 'uint8', {'interleave': 'band', 'compress': 'deflate'}, 'all'),
    'JPEG 2000': (3, 'uint16', LOSSLESS_JPEG2000, 'all'),
    'ERDAS': (3, 'uint16', {'driver': 'HFA'}, 'all'),
    'ENVI': (3, 'float32', {'driver': 'ENVI'}, 'all'),
    'PNG of 16 bits': (1, 'uint16', {'driver': 'PNG'}, 'all'),
}  # fmt: skip


def pixels_of(count, dtype, nodata, valid):
    """(C, H, W) random pixels, with nodata outside of the disc."""
    values = np.random.default_rng(0).integers(1, 250, (count, *SIZE)).astype(dtype)
    if valid != 'all' and nodata is not None:
        values[:, ~DISC if valid == 'disc' else slice(None)] = nodata
    return values


@pytest.mark.parametrize('kind', KINDS)
def test_kinds_of_files(tmp_path, kind):
    count, dtype, profile, valid = KINDS[kind]
    pixels = pixels_of(count, dtype, profile.get('nodata'), valid)
    path = str(tmp_path / 'image.img')
    profile = {'driver': 'GTiff', 'crs': 'EPSG:32633', 'transform': UTM, **profile}
    with rasterio.open(
        path, 'w', height=SIZE[0], width=SIZE[1], count=count, dtype=dtype, **profile
    ) as dataset:
        dataset.write(pixels)
    source = RasterioSource(path)
    chip = source.read(source.extent)
    mask = {'all': np.ones(SIZE, dtype=bool), 'disc': DISC, 'none': np.zeros(SIZE, dtype=bool)}
    assert np.array_equal(chip.valid, mask[valid])
    expected = np.where(mask[valid], pixels, 0).astype(dtype)
    assert np.array_equal(chip.pixels, expected.transpose(1, 2, 0))
    assert source.dtype == dtype
    with rasterio.open(path) as dataset:
        x, y = dataset.xy(7, 9, offset='center')
        lon, lat = rasterio.warp.transform(dataset.crs, 'EPSG:4326', [x], [y])
    assert np.allclose(source.crs_transformer.pixel_to_map((9.5, 7.5)), (lon[0], lat[0]))
    assert source.crs_transformer.map_to_pixel((lon[0], lat[0])) == (9, 7)


@pytest.mark.parametrize('driver', ['PNG', 'JPEG', 'BMP', 'GTiff'])
@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_files_without_a_place(tmp_path, driver):
    path = str(tmp_path / f'image.{driver.lower()}')
    with rasterio.open(path, 'w', driver, SIZE[1], SIZE[0], 3, dtype='uint8') as dataset:
        dataset.write(pixels_of(3, 'uint8', None, 'all'))
    source = RasterioSource(path)
    assert source.shape == (*SIZE, 3)
    assert isinstance(source.crs_transformer, IdentityCRSTransformer)
    assert source.crs_transformer.map_to_pixel((9, 7)) == (9, 7)


def test_palettes_give_their_indices(tmp_path):
    path = str(tmp_path / 'labels.tif')
    ids = pixels_of(1, 'uint8', None, 'all') % 5
    with rasterio.open(
        path, 'w', 'GTiff', SIZE[1], SIZE[0], 1, 'EPSG:32633', UTM, 'uint8'
    ) as dataset:
        dataset.write(ids)
        dataset.write_colormap(1, {i: (i, 2 * i, 3 * i) for i in range(5)})
        dataset.colorinterp = [ColorInterp.palette]
    source = RasterioSource(path)
    assert np.array_equal(source[:], ids.transpose(1, 2, 0))
    assert set(np.unique(source[0:40:3, 0:60:3])) <= set(range(5))


def test_one_column(tmp_path):
    path = str(tmp_path / 'thin.tif')
    with rasterio.open(path, 'w', 'GTiff', 1, 40, 3, 'EPSG:32633', UTM, 'uint8') as dataset:
        dataset.write(np.full((3, 40, 1), 9, np.uint8))
    assert RasterioSource(path).shape == (40, 1, 3)
    assert (RasterioSource(path)[:] == 9).all()


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_parts_of_a_file_are_named_as_gdal_names_them(tmp_path):
    path = str(tmp_path / 'pages.tif')
    first, second = pixels_of(1, 'uint8', None, 'all'), pixels_of(1, 'uint8', None, 'all')[:, ::-1]
    for pixels, more in ((first, {}), (second, {'APPEND_SUBDATASET': 'YES'})):
        with rasterio.open(
            path, 'w', 'GTiff', SIZE[1], SIZE[0], 1, 'EPSG:32633', UTM, 'uint8', **more
        ) as dataset:
            dataset.write(pixels)
    for page, pixels in ((1, first), (2, second)):
        config = RasterioSourceConfig(uris=f'GTIFF_DIR:{page}:{path}')
        assert np.array_equal(config.build()[:], pixels.transpose(1, 2, 0))
    with pytest.raises(NotReadableError, match='GTIFF_DIR:7'):
        RasterioSource(f'GTIFF_DIR:7:{path}')


def test_a_file_of_several_rasters_says_how_to_name_them(tmp_path):
    path = str(tmp_path / 'rasters.gpkg')
    for table in ('north', 'south'):
        with rasterio.open(
            path, 'w', 'GPKG', SIZE[1], SIZE[0], 3, 'EPSG:3857', UTM, 'uint8',
            RASTER_TABLE=table, APPEND_SUBDATASET='YES',
        ) as dataset:  # fmt: skip
            dataset.write(pixels_of(3, 'uint8', None, 'all'))
    with pytest.raises(NotReadableError, match=r'name the one .*GPKG:.*:north') as caught:
        RasterioSource(path)
    name = str(caught.value).split('URI: ')[1].split(',')[0]
    assert RasterioSource(name).num_channels == 3


@pytest.mark.parametrize(
    ('uri', 'expected'),
    [
        ('NETCDF:file.nc:red', True),
        ('SENTINEL2_L1C:/vsizip/x.zip/MTD_MSIL1C.xml:10m:EPSG_32633', True),
        ('HDF4_EOS:EOS_GRID:"a.hdf":grid:band', True),
        ('/vsicurl/https://host/a.tif', True),
        ('<VRTDataset/>', True),
        ('https://host/a.tif', False),
        ('file:///data/a.tif', False),
        ('s3://bucket/a.tif', False),
        ('C:\\data\\a.tif', False),
        ('C:/data/a.tif', False),
        ('data/a.tif', False),
        ('/data/a:b.tif', False),
    ],
)
def test_names_that_only_gdal_understands(uri, expected):
    assert is_gdal_name(uri) is expected


def test_a_file_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with rasterio.open(
        'plain.tif', 'w', 'GTiff', SIZE[1], SIZE[0], 1, 'EPSG:32633', UTM, 'uint8'
    ) as dataset:
        dataset.write(pixels_of(1, 'uint8', None, 'all'))
    (tmp_path / 'plain.tif').rename('north:1.tif')
    assert RasterioSource('north:1.tif').num_channels == 1
