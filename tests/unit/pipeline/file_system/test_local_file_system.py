"""Local files: all or nothing, whatever goes wrong."""

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from rastervision.pipeline.errors import RegistryError
from rastervision.pipeline.file_system import (
    LocalFileSystem,
    NotReadableError,
    NotWritableError,
    atomic_path,
    file_exists,
    file_to_json,
    file_to_str,
    json_to_file,
    list_paths,
    make_dir,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
    upload_or_copy,
)
from rastervision.pipeline.file_system.utils import remove


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()
    }


@pytest.mark.parametrize('name', ['a.txt', 'new dir/ä ö.txt', 'a#b?c.txt'])
def test_text_comes_back(tmp_path, name):
    uri = str(tmp_path / name)
    str_to_file('grüße\nzwei\r\n', uri)
    assert file_to_str(uri) == 'grüße\nzwei\r\n'
    assert file_to_str(Path(uri).as_uri()) == file_to_str(uri)
    assert file_exists(uri)
    assert [p.name for p in Path(uri).parent.iterdir()] == [Path(uri).name]


def test_json_comes_back(tmp_path):
    uri = str(tmp_path / 'a.json')
    json_to_file({'ä': [1, None]}, uri)
    assert file_to_json(uri) == {'ä': [1, None]}
    json_to_file({'a': [1.5, float('nan')], 'b': ({'c': float('-inf')},)}, uri)
    assert file_to_str(uri) == '{"a": [1.5, null], "b": [{"c": null}]}'
    str_to_file('{\n"a": }', uri)
    with pytest.raises(NotReadableError, match=r'a\.json.*line 2, column 6'):
        file_to_json(uri)


def test_files_and_directories_exist(tmp_path):
    assert file_exists(str(tmp_path))
    assert not file_exists(str(tmp_path), include_dir=False)
    assert not file_exists(str(tmp_path / 'no'))


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(NotReadableError, match=r'no\.txt: no such file'):
        file_to_str(str(tmp_path / 'no.txt'))
    with pytest.raises(NotReadableError, match='directory'):
        file_to_str(str(tmp_path))
    (tmp_path / 'latin').write_bytes(b'\xff')
    with pytest.raises(NotReadableError, match=r'latin.*UTF-8'):
        file_to_str(str(tmp_path / 'latin'))
    with pytest.raises(NotReadableError, match='no'):
        LocalFileSystem.last_modified(str(tmp_path / 'no'))


def test_last_modified_is_in_utc(tmp_path):
    path = tmp_path / 'a'
    path.write_text('')
    os.utime(path, (0, 1000))
    assert LocalFileSystem.last_modified(str(path)) == datetime.fromtimestamp(1000, tz=UTC)


def test_unknown_scheme_is_an_error():
    with pytest.raises(RegistryError, match='abc://x'):
        file_to_str('abc://x')


def test_list_paths_is_sorted_and_filtered(tmp_path):
    for name in ('b.tif', 'a.tif', 'c.json'):
        (tmp_path / name).write_text('')
    assert list_paths(str(tmp_path), ext='.tif') == [str(tmp_path / n) for n in ('a.tif', 'b.tif')]
    assert len(list_paths(str(tmp_path))) == 3
    assert list_paths(str(tmp_path / 'no')) == []


def test_make_dir(tmp_path):
    folder = tmp_path / 'a' / 'b'
    make_dir(str(folder / 'file.txt'), use_dirname=True)
    make_dir(str(folder), check_empty=True)
    (folder / 'x').write_text('')
    with pytest.raises(NotWritableError, match='empty'):
        make_dir(str(folder), check_empty=True)
    make_dir(str(folder), force_empty=True)
    assert list(folder.iterdir()) == []
    (tmp_path / 'file').write_text('')
    with pytest.raises(NotWritableError, match='not a directory'):
        make_dir(str(tmp_path / 'file' / 'x'))


def test_sync_copies_what_differs(tmp_path):
    src, dst = tmp_path / 'src', tmp_path / 'dst'
    str_to_file('1', str(src / 'a'))
    str_to_file('2', str(src / 'sub' / 'b'))
    sync_to_dir(str(src), str(dst))
    assert tree(dst) == tree(src)
    before = (dst / 'a').stat().st_ino
    str_to_file('3', str(src / 'sub' / 'b'))
    str_to_file('extra', str(dst / 'extra'))
    sync_from_dir(str(src), str(dst))
    assert (dst / 'a').stat().st_ino == before
    assert tree(dst) == {**tree(src), 'extra': b'extra'}
    sync_to_dir(str(src), str(dst), delete=True)
    assert tree(dst) == tree(src)
    with pytest.raises(NotReadableError, match='no such directory'):
        sync_to_dir(str(tmp_path / 'no'), str(dst))


def test_sync_takes_whole_files_while_others_write(tmp_path):
    src, dst = tmp_path / 'src', tmp_path / 'dst'
    src.mkdir()

    def write() -> None:
        for i in range(150):
            str_to_file('x' * 1000, str(src / f'{i % 7}.txt'))

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        sync_to_dir(str(src), str(dst))
        assert set(tree(dst).values()) <= {b'x' * 1000}
    sync_to_dir(str(src), str(dst))
    assert tree(dst) == tree(src)
    assert len(tree(dst)) == 7


def test_upload_or_copy(tmp_path):
    src, dst = tmp_path / 'src' / 'a', tmp_path / 'x' / 'b'
    str_to_file('1', str(src))
    upload_or_copy(str(src), str(dst))
    assert dst.read_text() == '1'
    upload_or_copy(str(src), str(src))
    upload_or_copy(str(src.parent), str(tmp_path / 'y'))
    assert tree(tmp_path / 'y') == {'a': b'1'}
    with pytest.raises(NotReadableError, match='no'):
        upload_or_copy(str(tmp_path / 'no'), str(dst))


def test_atomic_path_moves_companions_and_keeps_the_umask(tmp_path):
    target = tmp_path / 'new' / 'labels.tif'
    with atomic_path(str(target)) as path:
        assert Path(path).name == target.name
        Path(path).write_text('pixels')
        Path(f'{path}.aux.xml').write_text('statistics')
        assert not target.exists()
    assert tree(target.parent) == {'labels.tif': b'pixels', 'labels.tif.aux.xml': b'statistics'}
    plain = tmp_path / 'plain'
    plain.write_text('')
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_failed_block_leaves_the_old_file(tmp_path):
    target = tmp_path / 'a.txt'
    target.write_text('old')

    def write_half() -> None:
        with atomic_path(str(target)) as path:
            Path(path).write_text('half')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert tree(tmp_path) == {'a.txt': b'old'}
    expected = pytest.raises(NotWritableError, match=r'a\.txt.*nothing was written')
    with expected, atomic_path(str(target)):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_a_reading_error_in_the_block_is_not_called_a_writing_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(str(tmp_path / 'a')) as path:
        Path(path).write_text((tmp_path / 'input').read_text())


def test_a_link_is_written_through(tmp_path):
    (tmp_path / 'real').write_text('old')
    try:
        (tmp_path / 'link').symlink_to(tmp_path / 'real')
    except OSError:
        pytest.skip('links need a privilege here')
    str_to_file('new', str(tmp_path / 'link'))
    assert (tmp_path / 'real').read_text() == 'new'
    assert (tmp_path / 'link').is_symlink()


def test_a_file_or_directory_in_the_way_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    (tmp_path / 'dir').mkdir()
    with pytest.raises(NotWritableError, match=r'file.*where a directory should be'):
        str_to_file('x', str(tmp_path / 'file' / 'a'))
    with pytest.raises(NotWritableError, match='dir'):
        str_to_file('x', str(tmp_path / 'dir'))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['dir', 'file']


WRITE = """
import os, sys
from rastervision.pipeline.file_system import NotWritableError, str_to_file
if sys.argv[3] == 'limited':
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
elif sys.argv[3]:
    os.seteuid(int(sys.argv[3]))
try:
    str_to_file('x' * int(sys.argv[2]), sys.argv[1])
except NotWritableError as error:
    print(error)
"""


def write_elsewhere(path: Path, size: int, how: str) -> str:
    """Write `size` bytes to `path` in a process of its own and return the message of the error.

    Args:
        path: A file.
        size: How much.
        how: 'limited' for files of 1000 bytes at most, or the id of a user to become, if any.
    """
    command = [sys.executable, '-c', WRITE, str(path), str(size), how]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return result.stdout


@pytest.mark.skipif(sys.platform == 'win32', reason='limits of POSIX')
def test_a_limit_on_file_size_leaves_nothing(tmp_path):
    message = write_elsewhere(tmp_path / 'a.txt', 100_000, 'limited')
    assert 'a.txt' in message
    assert 'larger than the limit' in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='permissions of POSIX')
def test_no_permission_is_said():
    nobody = '65534' if os.geteuid() == 0 else ''
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies in a directory closed to others
        Path(folder).chmod(0o555)
        message = write_elsewhere(Path(folder, 'a.txt'), 10, nobody)
        assert 'a.txt: permission denied' in message
        assert list(Path(folder).iterdir()) == []
        Path(folder).chmod(0o755)


@pytest.mark.skipif(not hasattr(os, 'geteuid'), reason='permissions of POSIX')
def test_a_place_below_a_closed_folder_is_not_writable():
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, 'sub', 'new')
        place.parent.mkdir()
        Path(folder).chmod(0)
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(NotWritableError, match=f'{place}: permission denied'):
                LocalFileSystem.check_writable(str(place))
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o755)


@pytest.mark.skipif(not hasattr(os, 'statvfs'), reason='flags of POSIX')
@pytest.mark.parametrize(('flags', 'reason'), [(0, 'permission denied'), (1, 'is read-only')])
def test_a_read_only_file_system_is_said_to_be(tmp_path, monkeypatch, flags, reason):
    LocalFileSystem.check_writable(str(tmp_path / 'new'))
    monkeypatch.setattr(os, 'access', lambda *_: False)
    monkeypatch.setattr(os, 'statvfs', lambda _: SimpleNamespace(f_flag=flags * os.ST_RDONLY))
    with pytest.raises(NotWritableError, match=f'new: .*{reason}'):
        LocalFileSystem.check_writable(str(tmp_path / 'new'))


def test_a_place_below_a_file_is_not_writable(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(NotWritableError, match='new: a part of the path is a file'):
        LocalFileSystem.check_writable(str(tmp_path / 'file' / 'new'))


def test_json_errors_are_not_swallowed(tmp_path):
    with pytest.raises(TypeError):
        json_to_file({'a': object()}, str(tmp_path / 'a.json'))
    assert json.loads('{}') == {}
    assert list(tmp_path.iterdir()) == []


def test_a_stamp_tells_that_a_file_has_changed(tmp_path):
    path = tmp_path / 'a'
    path.write_text('one')
    first = LocalFileSystem.stamp(str(path))
    assert LocalFileSystem.stamp(path.as_uri()) == first
    os.utime(path, ns=(0, 5))
    assert LocalFileSystem.stamp(str(path)) != first
    assert LocalFileSystem.stamp(str(tmp_path)) is None
    with pytest.raises(NotReadableError, match='no such file'):
        LocalFileSystem.stamp(str(tmp_path / 'no'))


@pytest.mark.parametrize('links', [True, False])
def test_one_of_many_creates_a_file(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(Path, 'hardlink_to', _no_links)
    uri = str(tmp_path / 'new' / 'lock')
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda i: LocalFileSystem.create(uri, b'%d' % i), range(20)))
    assert sum(done) == 1
    assert Path(uri).read_bytes() == b'%d' % done.index(True)
    assert [path.name for path in Path(uri).parent.iterdir()] == ['lock']


def _no_links(self, target):
    raise OSError(errno.EPERM, 'no links here')


def test_files_and_trees_are_removed(tmp_path):
    (tmp_path / 'd' / 'e').mkdir(parents=True)
    (tmp_path / 'd' / 'e' / 'f').write_text('')
    (tmp_path / 'g').write_text('')
    (tmp_path / 'link').symlink_to(tmp_path / 'g')
    for name in ('d', 'link', 'no'):
        remove(str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ['g']
    remove((tmp_path / 'g').as_uri())
    assert list(tmp_path.iterdir()) == []
