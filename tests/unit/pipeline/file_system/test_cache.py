"""The download cache: one download per URI, current content, bounded size."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rastervision.pipeline.file_system import (
    NotReadableError,
    NotWritableError,
    download_if_needed,
    download_or_copy,
    get_local_path,
)
from rastervision.pipeline.file_system import cache as cache_module


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    monkeypatch.setattr(cache_module, '_fresh', set())


def test_a_local_file_stays_where_it_is(tmp_path, cache):
    path = tmp_path / 'a.txt'
    path.write_text('x')
    assert download_if_needed(str(path)) == str(path)
    assert download_if_needed(path.as_uri()) == str(path)
    assert get_local_path(str(path), 'elsewhere') == str(path)
    with pytest.raises(NotReadableError, match=r'no\.txt'):
        download_if_needed(str(tmp_path / 'no.txt'))
    assert not Path(cache).exists()


def test_the_cache_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    monkeypatch.setenv('RV_CACHE_DIR', '~/cache')
    assert Path(cache_module.cache_dir()).parent == tmp_path / 'cache'


def test_an_uri_is_downloaded_once(web, cache):
    uri = web.put('/d/a.tif', b'abc')
    path = download_if_needed(uri)
    assert Path(path).read_bytes() == b'abc'
    assert Path(path).relative_to(cache_module.cache_dir()).name == 'a.tif'
    cache_module._fresh.clear()  # as another process would
    assert download_if_needed(uri) == path
    assert web.requests['/d/a.tif'] == 1


@pytest.mark.parametrize('etags', [True, False])
def test_a_changed_file_is_downloaded_again(web, cache, etags):
    web.etags = etags
    uri = web.put('/a', b'old')
    download_if_needed(uri)
    web.put('/a', b'new')
    web.modified += 0 if etags else 100
    assert Path(download_if_needed(uri)).read_bytes() == b'old'  # one run sees one content
    cache_module._fresh.clear()
    assert Path(download_if_needed(uri)).read_bytes() == b'new'


@pytest.mark.parametrize('names', [('/d', '/d/a.tif', '/d/'), ('/d/a.tif', '/d/', '/d')])
def test_files_and_directories_of_one_name_have_each_their_copy(web, cache, names):
    uris = [web.put(name, name.encode()) for name in names]
    paths = [Path(download_if_needed(uri)) for uri in uris]
    assert [path.read_bytes() for path in paths] == [name.encode() for name in names]


def test_files_of_one_directory_lie_side_by_side(web, cache):
    a, b = (Path(download_if_needed(web.put(f'/d/a{ext}', b'x'))) for ext in ('.shp', '.dbf'))
    assert a.with_suffix('.dbf') == b


def test_use_cache_false_downloads_again(web, cache):
    uri = web.put('/a', b'old')
    download_if_needed(uri)
    download_if_needed(uri, use_cache=False)
    assert web.requests['/a'] == 2


def test_a_copy_of_unknown_age_is_current_for_a_while(web, cache):
    web.modified, web.etags = None, False
    uri = web.put('/a', b'old')
    path = download_if_needed(uri)
    web.put('/a', b'new')
    cache_module._fresh.clear()
    assert Path(download_if_needed(uri)).read_bytes() == b'old'
    two_hours_ago = time.time() - 7200
    os.utime(path, (two_hours_ago, two_hours_ago))
    cache_module._fresh.clear()
    assert Path(download_if_needed(uri)).read_bytes() == b'new'


def test_a_missing_file_leaves_nothing(web, tmp_path):
    with pytest.raises(NotReadableError, match='/no'):
        download_if_needed(f'{web.base}/no', str(tmp_path / 'd'))
    assert [p for p in (tmp_path / 'd').rglob('*') if p.is_file() and p.suffix != '.lock'] == []


def test_processes_share_one_download(web, cache):
    web.delay = 0.3
    uri = web.put('/a', b'x' * 100)
    code = (
        'from rastervision.pipeline.file_system import download_if_needed;'
        f'print(open(download_if_needed({uri!r})).read() == "x" * 100)'
    )
    processes = [
        subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ['True'] * 3
    assert web.requests['/a'] == 1


def test_the_longest_unused_files_go_first(tmp_path):
    now = time.time()
    for name, age_hours in {'old': 50, 'older': 60, 'recent': 1}.items():
        path = tmp_path / name
        path.write_bytes(bytes(1000))
        os.utime(path, (now - age_hours * 3600, 0))
    cache_module.trim(str(tmp_path), max_bytes=2000)
    assert {p.name for p in tmp_path.iterdir()} == {'old', 'recent'}
    cache_module.trim(str(tmp_path), max_bytes=0)
    assert {p.name for p in tmp_path.iterdir()} == {'recent'}


def test_the_setting_bounds_the_cache(web, cache, monkeypatch):
    monkeypatch.setenv('RV_CACHE_GB', '1e-6')
    monkeypatch.setattr(cache_module, 'KEEP_SECONDS', 0)
    first = download_if_needed(web.put('/a', bytes(900)))
    os.utime(first, (0, web.modified))
    download_if_needed(web.put('/b', bytes(900)))
    assert not Path(first).exists()


def test_files_of_the_user_in_the_folder_of_the_setting_stay(web, cache, monkeypatch):
    monkeypatch.setenv('RV_CACHE_GB', '0')
    mine = Path(cache, 'd', 'mine.tif')
    mine.parent.mkdir(parents=True)
    mine.write_bytes(bytes(900))
    os.utime(mine, (0, 0))
    download_if_needed(web.put('/a', bytes(900)))
    assert mine.exists()


@pytest.mark.skipif(not hasattr(os, 'getuid'), reason='no owners and modes')
@pytest.mark.parametrize('fault', ['a link', 'of another user', 'of a group', 'of all'])
def test_a_cache_that_others_may_have_made_is_refused(web, cache, monkeypatch, fault):
    monkeypatch.setenv('RV_CACHE_GB', '0')
    mine = Path(cache, 'home', 'mine.tif')
    mine.parent.mkdir(parents=True)
    mine.write_bytes(bytes(900))
    os.utime(mine, (0, 0))
    if fault == 'of another user':
        other = os.getuid() + 1
        monkeypatch.setattr(os, 'getuid', lambda: other)
    place = Path(cache, f'rastervision-cache-{os.getuid()}')
    if fault == 'a link':
        place.symlink_to(mine.parent)
    else:
        place.mkdir()
        place.chmod({'of a group': 0o770, 'of all': 0o707}.get(fault, 0o700))
    uri = web.put('/a', b'x')
    with pytest.raises(NotWritableError, match=rf'{place}: .*RV_CACHE_DIR'):
        download_if_needed(uri)
    assert mine.exists()
    assert web.requests['/a'] == 0


def test_a_copy_that_is_asked_for_again_is_in_use(web, cache):
    uri = web.put('/a', b'x')
    path = Path(download_if_needed(uri))
    os.utime(path, (0, 0))
    assert download_if_needed(uri) == str(path)
    cache_module.trim(cache_module.cache_dir(), max_bytes=0)
    assert path.exists()
    path.unlink()
    assert Path(download_if_needed(uri)).read_bytes() == b'x'


def test_what_killed_downloads_have_left_goes(tmp_path):
    now = time.time()
    for name, age_hours in {'a': 100, 'd/.tmp-x/.tmp-y/c': 50, '.tmp-z/b': 1}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (0, now - age_hours * 3600))

    def left() -> set[str]:
        return {path.name for path in tmp_path.rglob('*') if path.is_file()}

    cache_module.trim(str(tmp_path), max_bytes=2000)
    assert left() == {'a', 'b'}
    cache_module.trim(str(tmp_path), max_bytes=1000)
    assert left() == {'b'}


def test_what_killed_downloads_have_left_goes_however_much_room_there_is(tmp_path):
    path = tmp_path / '.tmp-x' / 'a'
    path.parent.mkdir()
    path.write_bytes(b'x')
    os.utime(path, (0, 0))
    cache_module.trim(str(tmp_path), max_bytes=1e9)
    assert not path.exists()


def test_download_or_copy_makes_an_own_copy(web, tmp_path, cache):
    uri = web.put('/a.tif', b'abc')
    for delete_tmp in (True, False):
        path = Path(download_or_copy(uri, str(tmp_path / 'out'), delete_tmp=delete_tmp))
        assert path == tmp_path / 'out' / 'a.tif'
        assert path.read_bytes() == b'abc'
        assert any(Path(cache).rglob('a.tif')) is not delete_tmp
        assert [p.name for p in (tmp_path / 'out').iterdir()] == ['a.tif']


def test_a_cache_that_cannot_be_written_is_named(web, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'file' / 'cache'))
    with pytest.raises(NotWritableError, match='file'):
        download_if_needed(web.put('/a', b'x'))


def test_a_copy_has_the_age_of_its_original(web, cache):
    path = Path(download_if_needed(web.put('/a', b'x')))
    assert path.stat().st_mtime == web.modified
