"""Rasters in stores, read in place, against the same rasters on this disk."""

import logging
import os
import pickle
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from servers import KEY_ID, SECRET, free_port
from waiting import SECONDS, in_fork

from rastervision.core import register_plugin
from rastervision.core.box import Box
from rastervision.core.data import RasterioSource, RasterioSourceConfig
from rastervision.core.data.raster_source import remote_rasters, streaming
from rastervision.core.data.raster_source.rasterio_io import open_raster
from rastervision.pipeline import Registry, rv_config_
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.file_system.object_store import connection
from rastervision.pipeline.file_system.utils import str_to_file, upload_or_copy

SIZE = 1024
TILES = {'tiled': True, 'blockxsize': 128, 'blockysize': 128}
WINDOW = Box(300, 300, 420, 410)


@pytest.fixture(autouse=True)
def fast(monkeypatch, tmp_path):
    """Own cache, no waiting, and every file is large."""
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.01')
    monkeypatch.setattr(remote_rasters, 'BACKOFF', 0.01)
    monkeypatch.setattr(streaming, 'LARGE', 1000)


@pytest.fixture
def cog(write_tif, tmp_path) -> Path:
    """A tiled image with overviews that does not compress: 3 MB and a third."""
    pixels = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE), dtype=np.uint8)
    path = write_tif('image.tif', pixels, nodata=7, **TILES)
    with rasterio.open(path, 'r+') as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    return Path(path)


@pytest.mark.parametrize(
    ('text', 'passes'), [('%d', True), ('%s', True), ('Retrying again %s', False)]
)
def test_the_filter_of_the_log_never_fails(text, passes):
    record = logging.makeLogRecord({'msg': text, 'args': ('http://me:SECRET@h/a',)})
    assert bool(logging.getLogger('rasterio._env').filter(record)) is passes
    if text == '%s':
        assert record.getMessage() == 'http://h/a'


def pixels_of(source: RasterioSource, window: Box = WINDOW, out_shape=None) -> np.ndarray:
    chip = source.read(window, out_shape)
    return np.concatenate([chip.pixels, chip.valid[..., None]], axis=-1)


@pytest.fixture
def stored(any_bucket, request, monkeypatch, cog) -> str:
    """URI of the image in a store of each kind."""
    uri = f'{any_bucket}/some dir/image.tif'
    upload_or_copy(str(cog), uri)
    if uri.startswith('gs:'):  # the proxy in this process cannot answer while GDAL opens a file
        monkeypatch.setenv('STORAGE_EMULATOR_HOST', request.getfixturevalue('fake_gcs'))
    return uri


def test_images_in_stores_are_as_on_disk(stored, cog):
    there, here = RasterioSource(stored), RasterioSource(str(cog))
    assert there.imagery_path == stored
    assert there.crs_transformer.transform == here.crs_transformer.transform
    for window, shape in [(WINDOW, None), (Box(0, 0, SIZE, SIZE), (256, 256))]:
        assert np.array_equal(pixels_of(there, window, shape), pixels_of(here, window, shape))
    mosaic = RasterioSource([stored, stored], nodata=9)
    assert np.array_equal(
        pixels_of(mosaic), pixels_of(RasterioSource([str(cog), str(cog)], nodata=9))
    )


def test_threads_processes_and_pickles_read_what_they_are_given(stored, cog):
    there, expected = RasterioSource(stored), pixels_of(RasterioSource(str(cog)))
    assert np.array_equal(pixels_of(pickle.loads(pickle.dumps(there))), expected)
    with ThreadPoolExecutor(3) as pool:
        assert all(np.array_equal(found, expected) for found in pool.map(pixels_of, [there] * 6))
    if hasattr(os, 'fork'):
        assert np.array_equal(in_fork(lambda: pixels_of(there)), expected)


def test_names_of_gdal_are_read_with_our_settings(stored, cog, tmp_path):
    cloud, _, rest = stored.partition('://')
    expected = pixels_of(RasterioSource(str(cog)))
    assert np.array_equal(pixels_of(RasterioSource(f'/vsi{cloud}/{rest}')), expected)
    vrt = tmp_path / 'mosaic.vrt'
    RasterioSource([stored, stored]).download_data(str(tmp_path), stream=True)
    assert '/vsi' in vrt.read_text()
    assert np.array_equal(pixels_of(RasterioSource(str(vrt))), expected)


# ---- where it is read


def test_a_vrt_is_read_where_its_files_are(s3, cog):
    upload_or_copy(str(cog), f'{s3}/a/image.tif')
    with rasterio.open(cog) as dataset:
        bands = ''.join(
            f'<VRTRasterBand dataType="Byte" band="{i}"><SimpleSource>'
            f'<SourceFilename relativeToVRT="1">image.tif</SourceFilename><SourceBand>{i}'
            '</SourceBand></SimpleSource></VRTRasterBand>'
            for i in dataset.indexes
        )
    xml = f'<VRTDataset rasterXSize="{SIZE}" rasterYSize="{SIZE}">{bands}</VRTDataset>'
    str_to_file(xml, f'{s3}/a/mosaic.vrt')
    found = RasterioSource(f'{s3}/a/mosaic.vrt')[WINDOW]
    with rasterio.open(cog) as dataset:
        expected = dataset.read()[:, 300:420, 300:410].transpose(1, 2, 0)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ('name', 'profile', 'in_place'),
    [
        ('tiled.tif', TILES, True),
        ('narrow_strips.tif', {'blockysize': 16}, True),
        ('one_strip.tif', {'blockysize': SIZE, 'compress': 'deflate'}, False),
        ('whole.jpg', {'driver': 'JPEG'}, False),
        ('whole.png', {'driver': 'PNG'}, False),
    ],
)
def test_the_header_decides(s3, write_raster, name, profile, in_place):
    pixels = np.random.default_rng(0).integers(0, 255, (1, SIZE, 640), dtype=np.uint8)
    path = write_raster(pixels, name, **profile)
    upload_or_copy(path, f'{s3}/{name}')
    source = RasterioSource(f'{s3}/{name}')
    assert (source.imagery_path == f'{s3}/{name}') is in_place
    assert np.array_equal(source[WINDOW], RasterioSource(path)[WINDOW])


def test_wide_strips_are_downloaded(s3, write_tif):
    path = write_tif('wide.tif', np.zeros((1, 64, 3000), np.uint8), blockysize=8)
    upload_or_copy(path, f'{s3}/wide.tif')
    assert RasterioSource(f'{s3}/wide.tif').imagery_path != f'{s3}/wide.tif'
    streamed = RasterioSource(f'{s3}/wide.tif', allow_streaming=True)
    assert streamed.imagery_path == f'{s3}/wide.tif'


def test_small_files_are_downloaded(s3, cog, monkeypatch):
    upload_or_copy(str(cog), f'{s3}/image.tif')
    monkeypatch.setattr(streaming, 'LARGE', 20_000_000)
    assert RasterioSource(f'{s3}/image.tif').imagery_path.endswith('image.tif')
    assert not RasterioSource(f'{s3}/image.tif').imagery_path.startswith('s3:')


def test_the_setting_streaming(s3, cog, monkeypatch):
    uri = f'{s3}/image.tif'
    upload_or_copy(str(cog), uri)
    monkeypatch.setenv('RV_STREAMING', 'never')
    assert RasterioSource(uri).imagery_path != uri
    config = build_config(RasterioSourceConfig(uris=uri, allow_streaming=True).dict())
    assert config.build().imagery_path == uri
    monkeypatch.setenv('RV_STREAMING', 'nevr')
    with pytest.raises(ConfigError, match="streaming is 'nevr'; it is one of auto, never"):
        RasterioSource(uri)


def test_the_setting_travels_with_a_pipeline(monkeypatch):
    monkeypatch.setenv('RV_STREAMING', 'never')
    register_plugin(registry := Registry(rv_config_))
    assert rv_config_.get_config_dict(registry.rv_config_schema) == {'RV_STREAMING': 'never'}


# ---- what is asked for


def test_a_window_takes_its_tiles_and_no_more(s3, watched, cog):
    upload_or_copy(str(cog), f'{s3}/image.tif')
    with rasterio.open(cog) as dataset:
        ny, nx = 2, 2  # of 128 pixels, that the window touches
        tiles = ny * nx * 128 * 128 * dataset.count
    before = watched.received
    source = RasterioSource(f'{s3}/image.tif')
    opened = watched.received - before
    chip = source[WINDOW]
    read = watched.received - before - opened
    assert np.array_equal(chip, RasterioSource(str(cog))[WINDOW])
    chunk = 16 * 1024  # what GDAL rounds ranges to
    assert opened <= 5 * 32 * 1024
    assert tiles <= read <= tiles + 2 * chunk * ny
    assert {Path(request.path).name for request in watched.requests} == {'image.tif'}
    source[WINDOW]
    assert watched.received - before - opened == read  # decoded tiles are kept


def test_a_small_picture_of_all_takes_the_overview(s3, watched, cog):
    upload_or_copy(str(cog), f'{s3}/image.tif')
    source = RasterioSource(f'{s3}/image.tif')
    before = watched.received
    source.get_chip(Box(0, 0, SIZE, SIZE), out_shape=(SIZE // 4, SIZE // 4))
    assert watched.received - before < cog.stat().st_size / 8


# ---- faults


@pytest.mark.parametrize('watched', [5], indirect=True)
def test_faults_on_the_way_change_nothing(s3, watched, cog, monkeypatch):
    monkeypatch.setattr(connection, 'BACKOFF_SECONDS', 0.001)
    upload_or_copy(str(cog), f'{s3}/image.tif')
    here = RasterioSource(str(cog))
    windows = [Box(y, x, y + 128, x + 128) for y in (0, 384, 640) for x in range(0, SIZE, 128)]
    for part in range(3):  # opening and reading
        there = RasterioSource(f'{s3}/image.tif', allow_streaming=True)
        for window in windows[part::3]:
            assert np.array_equal(pixels_of(there, window), pixels_of(here, window))
    assert len(watched.requests) > 25  # a fifth of them had to be repeated


def test_a_missing_file_says_so_at_once(any_bucket):
    started = time.monotonic()
    for uri in [f'{any_bucket}/no.tif', f'/vsi{any_bucket.replace("://", "/")}/no.tif']:
        for streamed in (True, False):
            with pytest.raises(NotReadableError, match=r'no\.tif: no such file\.$'):
                RasterioSource(uri, allow_streaming=streamed)
    assert time.monotonic() - started < 20


def test_refusals_are_told_in_words(nanio, no_clouds, monkeypatch):
    monkeypatch.setenv('AWS_ENDPOINT_URL', nanio)
    with pytest.raises(NotReadableError, match='no credentials'):
        open_raster('s3://bucket/a.tif')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'wrong-secret')
    with pytest.raises(NotReadableError, match=r'credentials are wrong|access denied') as caught:
        open_raster('s3://bucket/a.tif')
    assert 'wrong-secret' not in str(caught.value)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    with pytest.raises(NotReadableError, match=r"no bucket 'bucket'|no such file"):
        open_raster('s3://bucket/a.tif')


def test_an_endpoint_that_nobody_answers_at(no_clouds, monkeypatch):
    monkeypatch.setenv('GDAL_HTTP_MAX_RETRY', '0')
    monkeypatch.setattr(connection, 'RETRIES', 0)
    url = f'http://127.0.0.1:{free_port()}'
    monkeypatch.setenv('AWS_ENDPOINT_URL', url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    with pytest.raises(NotReadableError, match=f'{url} cannot be reached'):
        open_raster('s3://bucket/a.tif')


def test_a_file_that_is_no_raster(s3):
    str_to_file('hello', f'{s3}/text.tif')
    with pytest.raises(NotReadableError, match=r'text\.tif cannot be read as a raster: .* not rec'):
        RasterioSource(f'{s3}/text.tif', allow_streaming=True)


def test_the_query_of_a_signed_url_is_not_shown(s3, ministack):
    str_to_file('hello', f'{s3}/text.tif')
    url = f'{s3.replace("s3:/", ministack)}/text.tif?signature=hidden'
    with pytest.raises(NotReadableError, match=r'text\.tif\?\.\.\. cannot be read') as caught:
        RasterioSource(url, allow_streaming=True)
    assert 'hidden' not in str(caught.value)


def test_renewed_credentials_are_used(nanio, no_clouds, cog, monkeypatch, tmp_path):
    """The store refuses what was good when the image was opened; the profile has new keys."""
    bucket = f'bucket-{uuid.uuid4().hex[:8]}'
    folder = tmp_path / 'aws'
    folder.mkdir()
    (folder / 'credentials').write_text(
        f'[work]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n'
    )
    (folder / 'config').write_text(f'[profile work]\nendpoint_url = {nanio}\n')
    monkeypatch.setenv('AWS_S3_PROFILE', 'work')
    _make_signed_bucket(nanio, bucket)
    upload_or_copy(str(cog), f's3://{bucket}/image.tif')
    source = RasterioSource(f's3://{bucket}/image.tif')
    expected = pixels_of(RasterioSource(str(cog)))
    assert np.array_equal(pixels_of(source), expected)
    source._reader._remote._options['AWS_SECRET_ACCESS_KEY'] = 'expired'
    with ThreadPoolExecutor(1) as pool:  # which opens the file anew
        assert np.array_equal(pool.submit(pixels_of, source).result(), expected)


def _make_signed_bucket(url: str, bucket: str) -> None:
    boto3 = pytest.importorskip('boto3')
    client = boto3.client(
        's3',
        endpoint_url=url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name='us-east-1',
    )
    client.create_bucket(Bucket=bucket)


def test_ctrl_c_ends_the_wait_for_a_read(s3, cog, monkeypatch):
    upload_or_copy(str(cog), f'{s3}/image.tif')
    source = RasterioSource(f'{s3}/image.tif')
    expected = pixels_of(source)
    go_on, read = threading.Event(), source._reader._read

    def slow(*args):
        threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
        go_on.wait(SECONDS)
        return read(*args)

    monkeypatch.setattr(source._reader, '_read', slow)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        pixels_of(source)
    assert time.monotonic() - started < SECONDS / 2
    monkeypatch.setattr(source._reader, '_read', read)
    assert np.array_equal(pixels_of(source), expected)  # although the other one still waits
    go_on.set()


def test_settings_of_the_store_are_gone_after_a_read(s3, cog):
    upload_or_copy(str(cog), f'{s3}/image.tif')
    RasterioSource(f'{s3}/image.tif')[WINDOW]
    with rasterio.Env() as env:
        assert 'AWS_S3_ENDPOINT' not in env.options
    names = ('AWS_S3_ENDPOINT', 'GDAL_DISABLE_READDIR_ON_OPEN')
    assert [rasterio._env.get_gdal_config(name) for name in names] == [None, None]
    assert not set(names) & set(os.environ)
