"""Names that others have given to objects: no files, two things at once, or not for any path."""

import os
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from rastervision.pipeline.file_system import (
    NotReadableError,
    NotWritableError,
    download_if_needed,
    file_exists,
    file_to_str,
    list_paths,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
)
from rastervision.pipeline.file_system.utils import remove


@pytest.fixture
def put(s3):
    """Makes objects of any name by a bare request."""

    def put(name: str, data: bytes = b'') -> None:
        url = f'{os.environ["AWS_ENDPOINT_URL"]}/{s3.removeprefix("s3://")}/{name}'
        urlopen(Request(url, data, method='PUT'), timeout=60).close()

    return put


def names_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file())


def test_a_file_called_metadata_is_just_missing(s3):
    with pytest.raises(NotReadableError, match=r'/metadata/id: no such file'):
        file_to_str(f'{s3}/metadata/id')


def test_names_that_lead_out_of_the_directory_are_refused(s3, tmp_path):
    str_to_file('x', f'{s3}/d/..\\a')
    with pytest.raises(NotReadableError, match='lead out of the directory'):
        sync_from_dir(f'{s3}/d', str(tmp_path / 'd'))


def test_objects_that_stand_for_directories_are_no_files(s3, put, tmp_path):
    for name in ('d/', 'd/empty/', 'd/e/', 'd/e/f/', 'd/e/f/none'):
        put(name)
    put('d/a', b'1')
    sync_from_dir(f'{s3}/d', str(tmp_path))
    assert names_below(tmp_path) == ['a', 'e/f/none']
    assert list_paths(f'{s3}/d') == [f'{s3}/d/a', f'{s3}/d/e/', f'{s3}/d/empty/']
    assert list_paths(f'{s3}/d', delimiter='') == [f'{s3}/d/a', f'{s3}/d/e/f/none']
    assert file_exists(f'{s3}/d/e')
    assert not file_exists(f'{s3}/d/empty')


def test_what_stands_for_a_removed_directory_makes_none(s3, put):
    for name in ('d/', 'd/e/', 'd/a'):
        put(name)
    assert file_exists(f'{s3}/d')
    remove(f'{s3}/d')
    assert not file_exists(f'{s3}/d')
    assert list_paths(f'{s3}/d', delimiter='') == []


def test_an_object_that_others_lie_below_is_not_lost_in_silence(s3, put, tmp_path):
    put('d/a', b'1')
    put('d/a/b', b'2')
    assert list_paths(f'{s3}/d') == [f'{s3}/d/a', f'{s3}/d/a/']
    with pytest.raises(NotReadableError, match=f"{s3}/d: 'd/a' in it is both a file and a dir"):
        sync_from_dir(f'{s3}/d', str(tmp_path))
    remove(f'{s3}/d')
    assert not file_exists(f'{s3}/d')


def test_objects_that_others_lie_below_are_downloaded(s3, put, tmp_path, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path))
    for name in ('d/a', 'd/a/b'):
        put(name, name.encode())
        assert Path(download_if_needed(f'{s3}/{name}')).read_text() == name


@pytest.mark.parametrize('name', ['d/e//x', 'd/e/..%2Fx'])
def test_an_object_that_has_no_path_is_named(s3, put, tmp_path, name):
    put(name, b'1')
    put('d/a', b'1')
    key = name.replace('%2F', '/')
    message = rf"{s3}/d: '{key}' in it .*empty parts, '\.' and '\.\.'.*rename it or remove it"
    with pytest.raises(NotReadableError, match=message):
        sync_from_dir(f'{s3}/d', str(tmp_path))
    for write in (lambda: sync_to_dir(str(tmp_path), f'{s3}/d'), lambda: remove(f'{s3}/d')):
        with pytest.raises(NotWritableError, match=message):
            write()
    with pytest.raises(NotReadableError, match=f"'{key.removesuffix('x')}' in it"):
        list_paths(f'{s3}/d/e')
    assert list_paths(f'{s3}/d') == [f'{s3}/d/a', f'{s3}/d/e/']
    for folder in ('d', 'd/e'):
        assert file_exists(f'{s3}/{folder}')
