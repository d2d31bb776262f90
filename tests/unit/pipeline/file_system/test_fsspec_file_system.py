"""Stores of fsspec, by its store in memory."""

import sys
import uuid

import pytest

from rastervision.pipeline import registry_
from rastervision.pipeline.errors import RegistryError
from rastervision.pipeline.file_system import (
    FileSystem,
    NotReadableError,
    NotWritableError,
    download_if_needed,
    file_exists,
    file_to_str,
    list_paths,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
    upload_or_copy,
)
from rastervision.pipeline.file_system.fsspec_file_system import FsspecFileSystem
from rastervision.pipeline.file_system.utils import remove

pytest.importorskip('fsspec')


@pytest.fixture
def root(monkeypatch):
    """URI of a new directory; no plugins are looked for."""
    monkeypatch.setattr(registry_.loader, 'sources', lambda: iter(()))
    return f'memory://{uuid.uuid4().hex}'


def test_files_go_there_and_back(root, tmp_path, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    uri = f'{root}/d/a.txt'
    assert FileSystem.get_file_system(uri) is FsspecFileSystem
    str_to_file('grüße', uri)
    assert file_to_str(uri) == 'grüße'
    assert file_exists(f'{root}/d')
    assert not file_exists(f'{root}/d', include_dir=False)
    copy = download_if_needed(uri)
    upload_or_copy(copy, f'{root}/d/b.txt')
    assert list_paths(f'{root}/d') == [uri, f'{root}/d/b.txt']
    assert list_paths(f'{root}/d', 'b.txt') == [f'{root}/d/b.txt']
    assert list_paths(f'{root}/none') == []


def test_a_stamp_tells_that_a_file_has_changed(root):
    str_to_file('one', f'{root}/a')
    first = FsspecFileSystem.stamp(f'{root}/a')
    assert FsspecFileSystem.stamp(f'{root}/a') == first
    str_to_file('two', f'{root}/a')
    assert FsspecFileSystem.stamp(f'{root}/a') != first
    assert FsspecFileSystem.stamp(root) is None


def test_directories_are_kept_in_step(root, tmp_path):
    (tmp_path / 'src' / 'd').mkdir(parents=True)
    (tmp_path / 'src' / 'd' / 'a').write_text('1')
    str_to_file('', f'{root}/old')
    sync_to_dir(str(tmp_path / 'src'), root)
    assert file_exists(f'{root}/old')
    sync_to_dir(str(tmp_path / 'src'), root, delete=True)
    assert not file_exists(f'{root}/old')
    (tmp_path / 'dst').mkdir()
    (tmp_path / 'dst' / 'other').write_text('')
    sync_from_dir(root, str(tmp_path / 'dst'), delete=True)
    assert [p.relative_to(tmp_path / 'dst').as_posix() for p in (tmp_path / 'dst').rglob('*')] == [
        'd',
        'd/a',
    ]
    remove(root)
    assert not file_exists(root)


def test_a_failed_write_leaves_nothing(root, monkeypatch):
    import fsspec

    str_to_file('old', f'{root}/a')

    def fail(self, *args, **kwargs):
        raise OSError('connection lost')

    monkeypatch.setattr(type(fsspec.filesystem('memory')), 'mv', fail)
    with pytest.raises(NotWritableError, match='connection lost'):
        str_to_file('new', f'{root}/a')
    assert file_to_str(f'{root}/a') == 'old'
    assert list_paths(root) == [f'{root}/a']


def test_errors_name_the_uri(root):
    with pytest.raises(NotReadableError, match=f'{root}/none: no such file'):
        file_to_str(f'{root}/none')
    with pytest.raises(NotReadableError, match='no such directory'):
        sync_from_dir(f'{root}/none', 'dst')


def test_unknown_stores_and_a_missing_library(root, monkeypatch):
    with pytest.raises(RegistryError, match=r"'foo://x/a'.*rastervision\[fsspec\]"):
        file_to_str('foo://user:secret@x/a')
    monkeypatch.setitem(sys.modules, 'fsspec', None)
    with pytest.raises(RegistryError, match=r'rastervision\[fsspec\]'):
        file_to_str(f'{root}/a')
