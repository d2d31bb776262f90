"""STAC items of local files: what sources and catalogs make of them."""

import datetime as dt
import json
import pickle
import shutil

import numpy as np
import pystac
import pytest
import rasterio
import rasterio.warp
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data.raster_source import (
    MultiRasterSource,
    RasterioSource,
    STACItemCollectionConfig,
    STACItemConfig,
    TemporalMultiRasterSource,
    XarraySource,
    XarraySourceConfig,
)
from rastervision.core.utils.stac import (
    get_linked_image_item,
    is_label_item,
    parse_stac,
    read_stac,
    setup_stac_io,
)
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

GRID = Affine(10, 0, 300_000, 0, -10, 5_200_000)


def write_raster(path, pixels, transform=GRID, crs='EPSG:32633', **profile):
    count, height, width = pixels.shape
    with rasterio.open(
        path, 'w', 'GTiff', width, height, count, crs, transform, pixels.dtype, **profile
    ) as dataset:
        dataset.write(pixels)


@pytest.fixture
def bands():
    """(2 times, 3 bands, H, W): red and nir at 10 m, and one at 20 m."""
    return np.random.default_rng(0).integers(1, 4000, (2, 3, 40, 60), dtype=np.uint16)


@pytest.fixture
def items(tmp_path, bands):
    """Files of two items, in no order, with relative hrefs and a thumbnail."""
    uris = []
    for day in (1, 0):
        folder = tmp_path / f'day{day}'
        folder.mkdir()
        red, nir, swir = bands[day]
        write_raster(folder / 'red.tif', red[None], nodata=0)
        write_raster(folder / 'nir.tif', nir[None], nodata=0)
        write_raster(folder / 'swir.tif', swir[None, :20, :30], GRID @ Affine.scale(2), nodata=0)
        item = pystac.Item(
            id=f'day{day}',
            geometry={'type': 'Point', 'coordinates': [12.37, 46.92]},
            bbox=[12.37, 46.9, 12.39, 46.93],
            datetime=dt.datetime(2020, 5, 1 + day, tzinfo=dt.UTC),
            properties={},
        )
        for key in ('red', 'nir', 'swir'):
            item.add_asset(key, pystac.Asset(f'./{key}.tif', media_type=pystac.MediaType.COG))
        item.add_asset('thumbnail', pystac.Asset('./t.png', roles=['thumbnail']))
        item.set_self_href(str(folder / 'item.json'))
        item.save_object()
        uris.append(str(folder / 'item.json'))
    return uris


@pytest.fixture
def collection(tmp_path, items):
    path = str(tmp_path / 'items.json')
    features = [pystac.Item.from_file(uri) for uri in items]
    for item in features:
        item.make_asset_hrefs_absolute()
    pystac.ItemCollection(features).save_object(path)
    return path


def test_an_item_is_a_stack_of_its_assets(items, bands):
    item = STACItemConfig(uri=items[1]).build()
    source = MultiRasterSource.from_stac(item, ['nir', 'red'])
    assert np.array_equal(source[:], bands[0, [1, 0]].transpose(1, 2, 0))
    every = MultiRasterSource.from_stac(item, None)
    assert every.num_channels == 3
    coarse = MultiRasterSource.from_stac(item, None, primary_source_idx=2, channel_order=[2])
    assert np.array_equal(coarse[:][..., 0], bands[0, 2, :20, :30])
    part = source.crs_transformer.pixel_to_map(Box(5, 10, 20, 30))
    cropped = MultiRasterSource.from_stac(item, ['red'], bbox_map_coords=part)
    assert np.abs(cropped.bbox.npbox_format() - (5, 10, 20, 30)).max() <= 1
    assert MultiRasterSource.from_stac(item, ['red'], bbox=(0, 0, 5, 6)).shape == (5, 6, 1)
    with pytest.raises(ConfigError, match='not both'):
        MultiRasterSource.from_stac(item, ['red'], bbox=(0, 0, 5, 6), bbox_map_coords=part)
    with pytest.raises(DataError, match='no pixels'):
        MultiRasterSource.from_stac(item, ['red'], bbox=(100, 100, 120, 120))


def test_items_are_a_time_series_by_their_dates(collection, bands):
    items = STACItemCollectionConfig(uri=collection).build()
    source = TemporalMultiRasterSource.from_stac(items, ['red', 'nir'])
    assert np.array_equal(source[:], bands[:, :2].transpose(0, 2, 3, 1))
    xarray = XarraySource.from_stac(
        items, temporal=True, stackstac_args={'assets': ['red', 'nir'], 'rescale': False}
    )
    assert xarray.data_array.dims == ('time', 'band', 'y', 'x')
    assert list(xarray.data_array['band'].values) == ['red', 'nir']
    assert xarray.data_array['time'].values[0] == np.datetime64('2020-05-01')
    assert xarray.dtype == np.float64
    assert np.array_equal(xarray[:], source[:])
    assert xarray.crs_transformer.transform == GRID
    array = xarray.data_array
    assert np.array_equal(array, bands[:, :2])
    part = {'time': 1, 'band': [1, 0], 'y': slice(30, 10, -3), 'x': [7, 2]}
    assert np.array_equal(array.isel(part), bands[1, [1, 0], 30:10:-3][..., [7, 2]])
    assert np.array_equal(array.isel(time=0, band=0, y=5), bands[0, 0, 5])
    reread = pickle.loads(pickle.dumps(xarray))
    assert np.array_equal(reread[0, :5, :5], xarray[0, :5, :5])
    with pytest.raises(DataError, match='2 times'):
        XarraySource.from_stac(items)


def test_assets_are_read_on_the_finest_grid(items, bands):
    item = STACItemConfig(uri=items[1], assets=['swir', 'red']).build()
    source = XarraySource.from_stac(item)
    assert source.shape == (40, 60, 2)
    assert np.array_equal(source[:][..., 1], bands[0, 0])
    expected = MultiRasterSource.from_stac(item, ['swir', 'red'], primary_source_idx=1)
    assert np.array_equal(source[7:31, 3:50], expected[7:31, 3:50])
    as_integers = XarraySource.from_stac(
        item, stackstac_args={'dtype': 'uint16', 'fill_value': 0, 'chunksize': 512}
    )
    assert as_integers.dtype == np.uint16
    assert np.array_equal(as_integers[:], expected[:])
    outside = as_integers.read(Box(-3, 0, 2, 60))
    assert np.array_equal(outside.valid.all(axis=1), [False, False, False, True, True])


@pytest.mark.filterwarnings('ignore::PendingDeprecationWarning')
def test_another_grid(items, bands):
    item = STACItemConfig(uri=items[1], assets=['red']).build()
    half = XarraySource.from_stac(item, stackstac_args={'resolution': 20})
    assert half.shape == (20, 30, 1)
    assert np.abs(half[:].mean() - bands[0, 0].mean()) < 50
    bounds = (300_100, 5_199_700, 300_300, 5_199_900)
    part = XarraySource.from_stac(item, stackstac_args={'bounds': bounds})
    assert np.array_equal(part[:][..., 0], bands[0, 0, 10:30, 10:30])
    degrees = XarraySource.from_stac(item, stackstac_args={'epsg': 4326, 'resolution': 1e-4})
    expected, transform = rasterio.warp.reproject(
        bands[0, 0].astype(np.float64),
        src_crs='EPSG:32633',
        src_transform=GRID,
        dst_crs='EPSG:4326',
        dst_resolution=1e-4,
        resampling=rasterio.warp.Resampling.nearest,
        init_dest_nan=True,
    )
    chip = degrees.read(degrees.extent)
    assert abs(chip.valid.mean() - (expected[0] != 0).mean()) < 0.05
    assert abs(degrees.crs_transformer.transform.c - transform.c) <= 1e-4


@pytest.mark.parametrize(
    ('args', 'match'),
    [
        ({'asset': ['red']}, "no argument 'asset'"),
        ({'bounds': (0, 0, 1, 1), 'bounds_latlon': (0, 0, 1, 1)}, 'not both'),
        ({'dtype': 'uint16'}, 'fill_value'),
        ({'epsg': 4326}, 'resolution'),
        ({'assets': ['blue']}, "no asset 'blue'; it has red, nir, swir"),
    ],
)
def test_bad_arguments(items, args, match):
    item = STACItemConfig(uri=items[0]).build()
    with pytest.raises((ConfigError, DataError), match=match):
        XarraySource.from_stac(item, stackstac_args=args)


def test_only_a_window_of_the_assets_is_read(items, monkeypatch):
    read = []
    plain = RasterioSource.read

    def note(source, window, out_shape=None):
        read.append(window.size)
        return plain(source, window, out_shape)

    monkeypatch.setattr(RasterioSource, 'read', note)
    item = STACItemConfig(uri=items[0], assets=['red', 'nir', 'swir']).build()
    source = XarraySource.from_stac(item, channel_order=[1, 2])
    assert read == []
    source[8:18, 20:30]
    assert len(read) == 2
    assert max(max(size) for size in read) <= 10


def test_scales_of_the_files_are_applied_when_asked_for(tmp_path, items, bands):
    with rasterio.open(tmp_path / 'day0' / 'red.tif', 'r+') as dataset:
        dataset.scales, dataset.offsets = (0.0001,), (-0.1,)
    item = STACItemConfig(uri=items[1], assets=['red']).build()
    plain = XarraySource.from_stac(item, stackstac_args={'rescale': False})
    scaled = XarraySource.from_stac(item, stackstac_args={})
    assert np.array_equal(plain[:][..., 0], bands[0, 0])
    assert np.allclose(scaled[:], plain[:] * 0.0001 - 0.1)


def test_config(items, collection, bands):
    config = XarraySourceConfig(
        stac=STACItemConfig(uri=items[1], assets=['nir', 'red']), channel_order=[1]
    )
    source = build_config(config.to_dict()).build()
    assert np.array_equal(source[:][..., 0], bands[0, 0])
    config = XarraySourceConfig(
        stac=STACItemCollectionConfig(uri=collection, assets=['red']), temporal=True
    )
    loaded = build_config(json.loads(json.dumps(config.to_dict())))
    assert isinstance(loaded.stac, STACItemCollectionConfig)
    assert np.array_equal(loaded.build()[:][..., 0], bands[:, 0])


def test_files_that_are_no_items(tmp_path, items, collection):
    with pytest.raises(DataError, match="no asset 'blue'; it has red, nir, swir, thumbnail"):
        STACItemConfig(uri=items[0], assets=['blue']).build()
    with pytest.raises(NotReadableError, match=r'items\.json is no STAC Item .*FeatureCollection'):
        STACItemConfig(uri=collection).build()
    with pytest.raises(NotReadableError, match='is no STAC ItemCollection'):
        STACItemCollectionConfig(uri=items[0]).build()
    with pytest.raises(NotReadableError, match='missing'):
        STACItemConfig(uri=str(tmp_path / 'missing.json')).build()
    for text in ('', 'no json', '[]', '{}'):
        path = tmp_path / 'wrong.json'
        path.write_text(text)
        with pytest.raises(NotReadableError, match=r'wrong\.json'):
            STACItemConfig(uri=str(path)).build()


def test_catalogs_of_labels(tmp_path, items):
    image = pystac.Item.from_file(items[1])
    image.make_asset_hrefs_absolute()
    area = {
        'type': 'Polygon',
        'coordinates': [[[12.38, 46.9], [12.5, 46.9], [12.5, 47.0], [12.38, 46.9]]],
    }
    labels = pystac.Item(
        id='labels',
        geometry=area,
        bbox=[12.38, 46.9, 12.5, 47.0],
        datetime=dt.datetime(2020, 5, 1, tzinfo=dt.UTC),
        properties={},
    )
    labels.stac_extensions = ['https://stac-extensions.github.io/label/v1.0.1/schema.json']
    labels.add_asset('labels', pystac.Asset(str(tmp_path / 'labels.geojson')))
    labels.add_link(pystac.Link('source', image))
    catalog = pystac.Catalog('catalog', 'images and labels')
    catalog.add_items([image, labels])
    folder = tmp_path / 'catalog'
    catalog.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)
    assert is_label_item(labels)
    assert not is_label_item(image)
    assert get_linked_image_item(labels) is image
    assert get_linked_image_item(image) is None

    setup_stac_io()
    (found,) = parse_stac(str(folder / 'catalog.json'))
    assert found['label_uri'] == str(tmp_path / 'labels.geojson')
    assert found['image_uris'] == [
        str(tmp_path / f'day0/{key}.tif') for key in ('red', 'nir', 'swir')
    ]
    assert found['bboxes_intersect'] is True
    assert found['aoi_geometry'] == area
    assert found['label_bbox'].bounds == (12.38, 46.9, 12.5, 47.0)
    assert found['image_bbox'].bounds == (12.37, 46.9, 12.39, 46.93)
    assert parse_stac(str(folder / 'catalog.json'), item_limit=0) == []
    assert read_stac(str(folder / 'catalog.json')) == [found]
    archive = shutil.make_archive(str(tmp_path / 'zipped'), 'zip', folder)
    (zipped,) = read_stac(archive, str(tmp_path / 'unzipped'))
    assert zipped['image_uris'] == found['image_uris']
    shutil.make_archive(str(tmp_path / 'other'), 'zip', tmp_path / 'day0')
    with pytest.raises(NotReadableError, match=r'other\.zip has no file catalog\.json'):
        read_stac(str(tmp_path / 'other.zip'), str(tmp_path / 'nothing'))
