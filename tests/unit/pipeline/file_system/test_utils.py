"""Functions that work on any store: a third party's file system is found and used."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import wait_until

from rastervision.pipeline import registry_
from rastervision.pipeline.file_system import (
    FileSystem,
    NotWritableError,
    atomic_path,
    download_if_needed,
    file_to_str,
    get_tmp_dir,
    is_local,
    start_sync,
    str_to_file,
    upload_or_copy,
)


@pytest.fixture
def memory(monkeypatch):
    """A file system of a third party, `mem://`, that keeps files in a dictionary."""
    files: dict[str, bytes] = {}

    class MemoryFileSystem(FileSystem):
        @staticmethod
        def matches_uri(uri, mode):
            return uri.startswith('mem://')

        @staticmethod
        def read_str(uri):
            return files[uri].decode()

        @staticmethod
        def write_str(uri, data):
            files[uri] = data.encode()

        @staticmethod
        def copy_to(src_path, dst_uri):
            files[dst_uri] = Path(src_path).read_bytes()

        @staticmethod
        def copy_from(src_uri, dst_path):
            Path(dst_path).write_bytes(files[src_uri])

        @staticmethod
        def local_path(uri, download_dir):
            return str(Path(download_dir, uri.removeprefix('mem://')))

        @staticmethod
        def last_modified(uri):
            return None

        @staticmethod
        def sync_to_dir(src_dir, dst_dir_uri, delete=False):
            for path in Path(src_dir).iterdir():
                files[f'{dst_dir_uri}/{path.name}'] = path.read_bytes()

    monkeypatch.setattr(registry_, 'filesystems', [])
    registry_.add_file_system(MemoryFileSystem)
    return SimpleNamespace(files=files, cls=MemoryFileSystem)


def test_a_registered_file_system_serves_its_uris(memory, tmp_path):
    assert FileSystem.get_file_system('mem://a', 'w') is memory.cls
    assert not is_local('mem://a')
    str_to_file('x', 'mem://a')
    assert file_to_str('mem://a') == 'x'
    assert Path(download_if_needed('mem://a', str(tmp_path))).read_text() == 'x'
    upload_or_copy(download_if_needed('mem://a', str(tmp_path)), 'mem://b')
    assert memory.files['mem://b'] == b'x'


def test_atomic_path_uploads_at_the_end_only(memory):
    with atomic_path('mem://dir/a.tif') as path:
        assert Path(path).name == 'a.tif'
        Path(path).write_text('pixels')
        assert memory.files == {}
    assert memory.files == {'mem://dir/a.tif': b'pixels'}
    with pytest.raises(FileNotFoundError), atomic_path('mem://dir/b.tif') as path:
        shutil.copy('missing', path)
    assert 'mem://dir/b.tif' not in memory.files


def test_start_sync_copies_meanwhile_and_at_the_end(memory, tmp_path):
    with start_sync(str(tmp_path), 'mem://out', sync_interval=0.02):
        (tmp_path / 'a').write_text('1')
        wait_until(lambda: 'mem://out/a' in memory.files)
        assert memory.files['mem://out/a'] == b'1'
        (tmp_path / 'b').write_text('2')
    assert memory.files['mem://out/b'] == b'2'


def test_the_last_sync_raises_and_earlier_ones_warn(memory, tmp_path, caplog):
    def fail(src_dir, dst_dir_uri, delete=False):
        raise NotWritableError(f'Cannot write {dst_dir_uri}')

    memory.cls.sync_to_dir = staticmethod(fail)

    def run() -> None:
        with start_sync(str(tmp_path), 'mem://out', sync_interval=0.01):
            wait_until(lambda: caplog.records)

    with pytest.raises(NotWritableError, match='mem://out'):
        run()
    assert 'mem://out' in caplog.text


def test_a_temporary_directory_goes_away():
    with get_tmp_dir() as folder:
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
