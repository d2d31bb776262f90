"""Stores of fsspec, by its store in memory."""

import sys
import uuid
from pathlib import Path

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
from rastervision.pipeline.file_system.cache import _path_in_cache
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


def test_files_with_an_at_in_their_names_have_each_their_copy(root, tmp_path, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    uris = [
        f'{root}/{name}' for name in ('one/x@2x.txt', 'two/y@2x.txt', 'two//y@2x.txt', '2x.txt')
    ]
    for uri in uris[:2]:
        str_to_file(uri, uri)
    copies = [Path(download_if_needed(uri)).read_text() for uri in uris[:2]]
    assert copies == uris[:2]
    places = [_path_in_cache(uri, 'cache', FsspecFileSystem) for uri in uris]
    assert len(set(places)) == len(uris)


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('hf://datasets/a/x@main/t.tif', 'hf://datasets/b/y@main/t.tif'),
        ('hf://one@main/t.tif', 'hf://two@main/t.tif'),
        ('github://org:one@main/t.tif', 'github://org:two@main/t.tif'),
        ('sftp://me:SECRET@one/x@2x', 'sftp://me:SECRET@two/x@2x'),
        ('sftp://me:SECRET@h/one@2x', 'sftp://me:SECRET@h/two@2x'),
    ],
)
def test_local_paths_are_different(one, other):
    paths = [FsspecFileSystem.local_path(uri, 'd') for uri in (one, other)]
    assert paths[0] != paths[1]
    assert 'SECRET' not in str(paths)


def test_a_stamp_tells_that_a_file_has_changed(root):
    str_to_file('one', f'{root}/a')
    first = FsspecFileSystem.stamp(f'{root}/a')
    assert FsspecFileSystem.stamp(f'{root}/a') == first
    str_to_file('two', f'{root}/a')
    assert FsspecFileSystem.stamp(f'{root}/a') != first
    assert FsspecFileSystem.stamp(root) is None


def test_a_stamp_does_not_tell_that_a_file_was_read(root, monkeypatch):
    import fsspec

    about = {'type': 'file', 'size': 3, 'mtime': 5, 'time': 7, 'uid': 0, 'ETag': 'x'}
    monkeypatch.setattr(type(fsspec.filesystem('memory')), 'info', lambda *_: about)
    first = FsspecFileSystem.stamp(f'{root}/a')
    about.update(time=8, uid=1)  # sftp calls the time of the last access so
    assert FsspecFileSystem.stamp(f'{root}/a') == first
    for name in ('size', 'mtime', 'ETag'):
        about[name] = 9
        assert FsspecFileSystem.stamp(f'{root}/a') != first
        first = FsspecFileSystem.stamp(f'{root}/a')
    del about['mtime'], about['ETag']
    assert FsspecFileSystem.stamp(f'{root}/a') is None


def test_names_that_lead_out_of_the_directory_are_refused(root, tmp_path):
    import fsspec

    str_to_file('x', f'{root}/a')
    fsspec.filesystem('memory').pipe_file(f'{root}/..\\b', b'x')
    with pytest.raises(NotReadableError, match=f'{root}: the name .* lead out of the directory'):
        sync_from_dir(root, str(tmp_path / 'd'))
    assert list((tmp_path / 'd').iterdir()) == []


def test_stores_that_a_library_has_registered_are_found(root):
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Listed(MemoryFileSystem):
        """A store that keeps its lists, as most do."""

        protocol = 'ours'

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.replace('ours://', 'memory://'))

        def ls(self, path, detail=True, **kwargs):
            if path not in self.dircache:
                self.dircache[path] = super().ls(path, detail=True)
            found = self.dircache[path]
            return found if detail else [item['name'] for item in found]

        def invalidate_cache(self, path=None):
            self.dircache.clear()

    fsspec.register_implementation('ours', Listed, clobber=True)
    folder = f'ours://{root.removeprefix("memory://")}'
    str_to_file('x', f'{root}/a')
    assert list_paths(folder) == [f'{folder}/a']
    str_to_file('y', f'{root}/b')  # by another
    assert list_paths(folder) == [f'{folder}/a', f'{folder}/b']
    assert file_to_str(f'{folder}/b') == 'y'


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


@pytest.mark.parametrize(
    ('uri', 'module', 'reason'),
    [
        (
            'sftp://host/a',
            'paramiko',
            'SFTPFileSystem requires "paramiko" to be installed: pip install paramiko',
        ),
        ('smb://host/a', 'smbclient', 'SMB requires "smbprotocol" .* installed'),
    ],
)
def test_a_store_whose_package_is_missing(root, monkeypatch, uri, module, reason):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotReadableError, match=f'^Cannot read {uri}: {reason}\\.$'):
        file_to_str(uri)
