"""Object stores: real servers of the three kinds, all held to what local files do."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rastervision.pipeline.file_system import (
    FileSystem,
    NotReadableError,
    NotWritableError,
    atomic_path,
    download_if_needed,
    file_exists,
    file_to_json,
    file_to_str,
    is_local,
    json_to_file,
    list_paths,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
    upload_or_copy,
)
from rastervision.pipeline.file_system import cache as cache_module
from rastervision.pipeline.file_system.object_store import ObjectStoreFileSystem, transfer
from rastervision.pipeline.file_system.utils import remove

BIG = os.urandom(2_500_000)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Several parts without much data; the server allows small ones."""
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 20)


@pytest.mark.parametrize(
    'name', ['a.txt', 'd/ä b+c%.txt', "q'(1)&=#?~.txt", '%20.txt', 'b*[c].txt']
)
def test_what_is_written_is_read(any_bucket, name):
    uri = f'{any_bucket}/{name}'
    str_to_file('grüße', uri)
    assert file_to_str(uri) == 'grüße'
    assert file_exists(uri)
    assert list_paths(uri.rpartition('/')[0]) == [uri]
    assert not is_local(uri)


def test_a_json_file_and_an_empty_one(any_bucket):
    json_to_file({'a': 1}, f'{any_bucket}/a.json')
    assert file_to_json(f'{any_bucket}/a.json') == {'a': 1}
    ObjectStoreFileSystem.write_bytes(f'{any_bucket}/empty', b'')
    assert ObjectStoreFileSystem.read_bytes(f'{any_bucket}/empty') == b''


@pytest.mark.parametrize('size', [0, 1, 1 << 20, (1 << 20) + 1, len(BIG)])
def test_files_of_any_size_go_there_and_back(bucket, tmp_path, size):
    src, dst = tmp_path / 'src', tmp_path / 'dst'
    src.write_bytes(BIG[:size])
    upload_or_copy(str(src), f'{bucket}/big.tif')
    ObjectStoreFileSystem.copy_from(f'{bucket}/big.tif', str(dst))
    assert dst.read_bytes() == BIG[:size]


def test_a_bucket_is_asked_for_before_anything_is_written(any_bucket):
    ObjectStoreFileSystem.check_writable(f'{any_bucket}/new/folder')
    assert not file_exists(f'{any_bucket}/new')
    with pytest.raises(NotWritableError, match=r'no bucket|no container|make it first'):
        ObjectStoreFileSystem.check_writable(f'{any_bucket}-none/new')


def test_directories_are_there_while_they_have_files(any_bucket):
    assert not file_exists(f'{any_bucket}/d')
    str_to_file('', f'{any_bucket}/d/e/f.txt')
    str_to_file('', f'{any_bucket}/dd')
    for name in ('d', 'd/', 'd/e'):
        assert file_exists(f'{any_bucket}/{name}')
        assert not file_exists(f'{any_bucket}/{name}', include_dir=False)
    assert list_paths(any_bucket) == [f'{any_bucket}/d/', f'{any_bucket}/dd']
    assert list_paths(f'{any_bucket}/d') == list_paths(f'{any_bucket}/d/') == [f'{any_bucket}/d/e/']
    assert list_paths(f'{any_bucket}/d/e', ext='.tif') == []
    assert ObjectStoreFileSystem.list_paths(any_bucket, delimiter='') == [
        f'{any_bucket}/d/e/f.txt',
        f'{any_bucket}/dd',
    ]
    assert list_paths(f'{any_bucket}/none') == []


def test_trees_and_files_are_removed(any_bucket):
    for name in ('d/a', 'd/e/b', 'da', 'x'):
        str_to_file('', f'{any_bucket}/{name}')
    remove(f'{any_bucket}/d')
    remove(f'{any_bucket}/x')
    remove(f'{any_bucket}/none')
    assert list_paths(any_bucket) == [f'{any_bucket}/da']


def test_a_stamp_tells_that_a_file_has_changed(any_bucket):
    uri = f'{any_bucket}/a'
    str_to_file('one', uri)
    fs = FileSystem.get_file_system(uri)
    first = fs.stamp(uri)
    assert fs.stamp(uri) == first
    assert abs(fs.last_modified(uri) - datetime.now(UTC)) < timedelta(minutes=1)
    str_to_file('two', uri)
    assert fs.stamp(uri) != first
    str_to_file('', f'{any_bucket}/d/b')
    assert fs.stamp(f'{any_bucket}/d') is None
    for about in (fs.stamp, fs.last_modified):
        with pytest.raises(NotReadableError, match='no such file'):
            about(f'{any_bucket}/none')


def test_one_of_many_creates_a_file(bucket):
    fs, uri = FileSystem.get_file_system(bucket, 'w'), f'{bucket}/lock'
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda i: fs.create(uri, b'%d' % i), range(8)))
    assert sum(done) == 1
    assert file_to_str(uri) == str(done.index(True))
    assert not fs.create(uri, file_to_str(uri).encode())


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()
    }


def test_directories_are_kept_in_step(bucket, tmp_path):
    src, dst = tmp_path / 'src', tmp_path / 'dst'
    for name, data in {'a': b'1', 'd/e/b': b'2', 'd/big': BIG, '.tmp-x/half': b''}.items():
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).write_bytes(data)
    uri = f'{bucket}/out'
    sync_to_dir(str(src), uri)
    sync_from_dir(uri, str(dst))
    assert tree(dst) == {'a': b'1', 'd/e/b': b'2', 'd/big': BIG}

    fs = FileSystem.get_file_system(uri)
    stamp = fs.stamp(f'{uri}/d/big')
    (src / 'a').write_bytes(b'3')  # of the same size
    (src / 'd/e/b').unlink()
    sync_to_dir(str(src), uri)
    assert file_to_str(f'{uri}/a') == '3'
    assert file_to_str(f'{uri}/d/e/b') == '2'
    sync_to_dir(str(src), uri, delete=True)
    assert not file_exists(f'{uri}/d/e/b')
    assert fs.stamp(f'{uri}/d/big') == stamp

    (dst / 'other').write_text('')
    sync_from_dir(uri, str(dst))
    assert tree(dst) == {'a': b'3', 'd/e/b': b'2', 'd/big': BIG, 'other': b''}
    sync_from_dir(uri, str(dst), delete=True)
    assert tree(dst) == {'a': b'3', 'd/big': BIG}
    with pytest.raises(NotReadableError, match='no such directory'):
        sync_from_dir(f'{bucket}/none', str(dst))


def test_what_is_the_same_is_not_sent_again(bucket, tmp_path, monkeypatch):
    (tmp_path / 'a').write_bytes(BIG)
    sync_to_dir(str(tmp_path), bucket)
    monkeypatch.setattr('rastervision.pipeline.file_system.object_store.sync.upload_file', None)
    monkeypatch.setattr('rastervision.pipeline.file_system.object_store.sync.download_file', None)
    sync_to_dir(str(tmp_path), bucket)
    sync_from_dir(bucket, str(tmp_path))


def test_another_process_knows_by_the_digest(s3, tmp_path, monkeypatch):
    from rastervision.pipeline.file_system.object_store import sync

    for name, size in {'a': 0, 'b': 10, 'c': len(BIG)}.items():
        (tmp_path / name).write_bytes(BIG[:size])
    sync_to_dir(str(tmp_path), s3)
    sync._synced.clear()
    monkeypatch.setattr(sync, 'upload_file', None)
    sync_to_dir(str(tmp_path), s3)


def test_atomic_path_uploads_at_the_end_only(any_bucket):
    uri = f'{any_bucket}/d/a.tif'
    with atomic_path(uri) as path:
        Path(path).write_text('pixels')
        assert not file_exists(uri)
    assert file_to_str(uri) == 'pixels'
    with pytest.raises(FileNotFoundError), atomic_path(f'{any_bucket}/b') as path:
        shutil.copy('missing', path)
    assert not file_exists(f'{any_bucket}/b')


def test_an_object_is_downloaded_once_and_again_when_it_changes(any_bucket, tmp_path, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr(cache_module, '_fresh', set())
    uri = f'{any_bucket}/d/a.tif'
    str_to_file('old', uri)
    path = download_if_needed(uri)
    assert Path(path).is_relative_to(cache_module.cache_dir())
    Path(path).write_text('mine')
    cache_module._fresh.clear()
    assert Path(download_if_needed(uri)).read_text() == 'mine'
    str_to_file('new', uri)  # within the same second, of the same size
    cache_module._fresh.clear()
    assert Path(download_if_needed(uri)).read_text() == 'new'


def test_missing_files_and_buckets_are_told_apart(bucket, tmp_path):
    (tmp_path / 'a').write_text('x')
    missing = f'{bucket}-not-there'
    assert not file_exists(f'{missing}/a')
    for read in (
        file_to_str,
        lambda uri: ObjectStoreFileSystem.copy_from(uri, str(tmp_path / 'b')),
    ):
        with pytest.raises(NotReadableError, match=r'/none: no such file\.$'):
            read(f'{bucket}/none')
    with pytest.raises(NotReadableError, match=f'{missing}/a: there is no .*-not-there'):
        file_to_str(f'{missing}/a')
    with pytest.raises(NotReadableError, match=f'{missing}/d: there is no .*-not-there'):
        list_paths(f'{missing}/d')
    for write in (
        lambda uri: str_to_file('x', uri),
        lambda uri: upload_or_copy(str(tmp_path / 'a'), uri),
    ):
        with pytest.raises(NotWritableError, match=f'{missing}/a: there is no .*-not-there'):
            write(f'{missing}/a')
    assert [path.name for path in tmp_path.iterdir()] == ['a']


@pytest.mark.parametrize(
    ('uri', 'message'),
    [
        ('s3:///a', 'names no bucket'),
        ('s3://b/a//c', 'empty parts'),
        ('gs://b/../c', r"'\.\.'"),
        ('s3://b', 'a directory, not a file'),
        ('s3://key:secret@b/a', r's3://b/a: credentials in a URI'),
        ('az://c/a', 'nothing names the storage account'),
    ],
)
def test_uris_without_sense_are_refused(no_clouds, uri, message):
    with pytest.raises(NotReadableError, match=message) as caught:
        file_to_str(uri)
    assert 'secret' not in str(caught.value)


def test_other_ways_to_write_the_same(s3, az):
    str_to_file('x', f'{s3}/a')
    str_to_file('y', f'{az}/a')
    assert file_to_str(f'{s3.replace("s3://", "S3A://")}/a') == 'x'
    container = az.removeprefix('az://')
    uri = f'abfss://{container}@devstoreaccount1.dfs.core.windows.net/a'
    assert file_to_str(uri) == 'y'
    assert list_paths(uri.removesuffix('a')) == [uri]


def test_credentials_of_one_account_are_not_sent_to_another(az, monkeypatch):
    """The connection string names the endpoint, too, which is not that of the other account."""
    from rastervision.pipeline.file_system.object_store import azure

    seen = {}
    monkeypatch.setattr(azure, 'connect', lambda kind, bucket, config: seen.update(config))
    azure.open_container('c', 'other')
    assert seen['account_name'] == 'other'
    assert seen['account_key'] is None
    assert seen['endpoint'] is None


def test_local_paths_differ_by_store(no_clouds):
    uris = ['s3://a/b', 'gs://a/b', 'az://a/b', 's3://a/c', 'abfs://a@x.dfs.core.windows.net/b']
    paths = [ObjectStoreFileSystem.local_path(uri, 'cache') for uri in uris]
    assert paths[0] == str(Path('cache', 's3', 'a', 'b'))
    assert len(set(paths)) == len(uris)


def test_the_library_is_imported_at_the_first_request():
    code = (
        'import sys\n'
        'from rastervision.pipeline import registry_\n'
        'registry_.get_file_system("s3://b/a").matches_uri("s3://b/a", "r")\n'
        'print("obstore" in sys.modules, "numpy" in sys.modules)\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ['False', 'False']
