"""Files by GDAL's names, against GDAL (through rasterio) and the standard library."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.data import GeoJSONVectorSource, IdentityCRSTransformer, RasterioSource
from rastervision.gdal_vsi import VsiFileSystem, register_plugin
from rastervision.pipeline import Registry, rv_config_
from rastervision.pipeline.errors import NotReadableError, NotWritableError
from rastervision.pipeline.file_system import (
    download_if_needed,
    file_exists,
    file_to_str,
    list_paths,
    str_to_file,
    sync_from_dir,
)
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.file_system.utils import remove, upload_or_copy

FILES = {'a.txt': b'a', 'dir/b.txt': b'b', 'dir/sub/c.json': b'[]'}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))


@pytest.fixture(params=['zip', 'tar'])
def archive(request, tmp_path) -> str:
    """Name of an archive of FILES, without a slash at the end."""
    if request.param == 'zip':
        path = tmp_path / 'files.zip'
        with zipfile.ZipFile(path, 'w') as file:
            for name, data in FILES.items():
                file.writestr(name, data)
    else:
        path = tmp_path / 'files.tar.gz'
        with tarfile.open(path, 'w:gz') as file:
            for name, data in FILES.items():
                info = tarfile.TarInfo(f'./{name}')
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return f'/vsi{request.param}/{path}'


def test_archives_are_read(archive, tmp_path):
    assert FileSystem.get_file_system(archive) is VsiFileSystem
    for name, data in FILES.items():
        uri = f'{archive}/{name}'
        assert VsiFileSystem.read_bytes(uri) == data
        assert Path(download_if_needed(uri)).read_bytes() == data
        assert file_exists(uri, include_dir=False)
    assert Path(download_if_needed(f'{archive}/a.txt')).name == 'a.txt'
    assert file_exists(f'{archive}/dir')
    assert file_exists(archive)
    assert not file_exists(f'{archive}/dir', include_dir=False)
    assert not file_exists(f'{archive}/di')
    assert not file_exists('/vsizip//nowhere/a.zip/b')
    assert list_paths(archive) == [f'{archive}/a.txt', f'{archive}/dir/']
    assert list_paths(f'{archive}/dir/', '.txt') == [f'{archive}/dir/b.txt']
    assert VsiFileSystem.list_children(f'{archive}/dir') == ['b.txt', 'sub']
    sync_from_dir(f'{archive}/dir', str(tmp_path / 'out'))
    found = {p.relative_to(tmp_path / 'out').as_posix() for p in (tmp_path / 'out').rglob('*.*')}
    assert found == {'b.txt', 'sub/c.json'}


def test_another_archive_has_another_stamp(archive):
    before = VsiFileSystem.stamp(f'{archive}/a.txt')
    assert before == VsiFileSystem.stamp(f'{archive}/dir/b.txt')
    path = Path(archive[7:])
    path.write_bytes(path.read_bytes() + b' ')
    assert VsiFileSystem.stamp(f'{archive}/a.txt') != before


def test_what_is_not_in_an_archive(archive, tmp_path):
    with pytest.raises(NotReadableError, match=r'x\.txt: no such file in the archive'):
        file_to_str(f'{archive}/x.txt')
    with pytest.raises(NotReadableError, match='no such directory'):
        sync_from_dir(f'{archive}/x', str(tmp_path / 'out'))
    with pytest.raises(NotWritableError, match='archives are not written to'):
        str_to_file('x', f'{archive}/x.txt')
    path = Path(archive[7:])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(NotReadableError, match='the archive is damaged'):
        file_to_str(f'{archive}/dir/b.txt')


def test_members_that_lead_out_are_refused(tmp_path):
    path = tmp_path / 'bad.zip'
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('../evil.txt', 'x')
    with pytest.raises(NotReadableError, match='lies outside'):
        sync_from_dir(f'/vsizip/{path}', str(tmp_path / 'out'))
    assert not (tmp_path / 'evil.txt').exists()


def test_gzip_and_archives_in_archives(tmp_path):
    (tmp_path / 'a.txt.gz').write_bytes(gzip.compress(b'text'))
    assert file_to_str(f'/vsigzip/{tmp_path}/a.txt.gz') == 'text'
    assert Path(download_if_needed(f'gzip+file://{tmp_path}/a.txt.gz')).name == 'a.txt'
    with zipfile.ZipFile(tmp_path / 'outer.zip', 'w') as file:
        file.write(tmp_path / 'a.txt.gz', 'in/a.txt.gz')
    assert file_to_str(f'/vsigzip//vsizip/{tmp_path}/outer.zip/in/a.txt.gz') == 'text'


def test_only_gdal_knows_its_memory():
    with pytest.raises(NotReadableError, match='only GDAL knows'):
        file_to_str('/vsimem/a.txt')


def test_names_of_objects_are_those_of_stores(any_bucket):
    cloud, _, bucket = any_bucket.partition('://')
    name = f'/vsi{cloud}/{bucket}/dir/a.txt'
    str_to_file('text', name)
    assert file_to_str(f'{any_bucket}/dir/a.txt') == file_to_str(name) == 'text'
    assert VsiFileSystem.stamp(name) == FileSystem.get_file_system(any_bucket).stamp(
        f'{any_bucket}/dir/a.txt'
    )
    assert list_paths(f'/vsi{cloud}/{bucket}/dir') == [name]
    assert VsiFileSystem.list_children(f'/vsi{cloud}/{bucket}') == ['dir']
    assert VsiFileSystem.size_if_ranged(name) == 4
    remove(name)
    assert not file_exists(f'{any_bucket}/dir/a.txt')


def test_images_and_labels_in_a_zip_file_in_a_bucket(s3, ministack, tmp_path):
    pixels = np.arange(300, dtype=np.uint16).reshape(3, 10, 10)
    grid = {'crs': 'EPSG:32633', 'transform': Affine(1, 0, 500_000, 0, -1, 5_000_000)}
    with rasterio.open(
        tmp_path / 'a.tif', 'w', 'GTiff', 10, 10, 3, dtype='uint16', **grid
    ) as dataset:
        dataset.write(pixels)
    shape = {'type': 'Polygon', 'coordinates': [[[0, 0], [5, 0], [5, 5], [0, 5], [0, 0]]]}
    feature = {'type': 'Feature', 'properties': {'class_id': 0}, 'geometry': shape}
    labels = json.dumps({'type': 'FeatureCollection', 'features': [feature]})
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w') as file:
        file.write(tmp_path / 'a.tif', 'dir/a.tif')
        file.writestr('dir/a.json', labels)
    upload_or_copy(str(tmp_path / 'all.zip'), f'{s3}/all.zip')
    bucket = s3.removeprefix('s3://')
    web = f'{ministack}/{bucket}/all.zip'
    for start in (f'/vsizip/vsis3/{bucket}/all.zip/', f'zip+{s3}/all.zip!', f'zip+{web}!'):
        for streamed in (False, True):
            source = RasterioSource(f'{start}dir/a.tif', allow_streaming=streamed)
            assert np.array_equal(source[:, :], pixels.transpose(1, 2, 0))
        vectors = GeoJSONVectorSource(f'{start}dir/a.json', IdentityCRSTransformer())
        assert len(vectors.get_dataframe()) == 1


def test_the_plugin_is_declared():
    register_plugin(registry := Registry(rv_config_))
    assert registry.get_file_system('/vsis3/bucket/a') is VsiFileSystem
    assert registry.plugin_versions['rastervision.gdal_vsi'] == 0
