"""Zip and tar files come back whole and never leave their target directory."""

import io
import os
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.file_system import NotReadableError, extract, is_archive, unzip, zipdir
from rastervision.pipeline.file_system.cache import cache_dir, trim

NAMES = st.text(st.sampled_from('abä ._'), min_size=1, max_size=8).filter(
    lambda name: name.strip('. ') == name
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: '/'.join(['d', *parts, 'f.bin'])),
    st.binary(max_size=50),
    min_size=1,
    max_size=5,
)


@given(files=TREES)
def test_what_is_zipped_comes_back(tmp_path_factory, files):
    base = tmp_path_factory.mktemp('zip')
    for name, data in files.items():
        (base / 'src' / name).parent.mkdir(parents=True, exist_ok=True)
        (base / 'src' / name).write_bytes(data)
    zip_path = str(base / 'src' / 'all.zip')
    zipdir(str(base / 'src'), zip_path)
    unzip(zip_path, str(base / 'out'))
    found = {
        p.relative_to(base / 'out').as_posix(): p.read_bytes()
        for p in (base / 'out').rglob('*')
        if p.is_file()
    }
    assert found == files


def make_zip(path: Path, name: str, mode: int = 0) -> str:
    info = zipfile.ZipInfo('x')
    info.filename = name  # the constructor would mend it
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('good', 'data')
        archive.writestr(info, 'data')
    return str(path)


@pytest.mark.parametrize(
    'name', ['../evil', 'a/../../evil', '/evil', '..\\evil', 'C:\\evil', 'C:evil', '\\\\host\\s\\e']
)
def test_members_outside_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(NotReadableError, match=r'a\.zip.*outside'):
        unzip(make_zip(tmp_path / 'a.zip', name), str(tmp_path / 'out'))
    assert [p.name for p in tmp_path.iterdir()] == ['a.zip']


def test_links_are_refused(tmp_path):
    with pytest.raises(NotReadableError, match=r"link.*'ln'"):
        unzip(make_zip(tmp_path / 'a.zip', 'ln', stat.S_IFLNK | 0o777), str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_what_is_no_zip_file_is_named(tmp_path):
    (tmp_path / 'a.zip').write_bytes(b'not a zip')
    with pytest.raises(NotReadableError, match=r'a\.zip.*not a zip file'):
        unzip(str(tmp_path / 'a.zip'), str(tmp_path / 'out'))
    with pytest.raises(NotReadableError, match=r'no\.zip: no such file'):
        unzip(str(tmp_path / 'no.zip'), str(tmp_path / 'out'))
    with pytest.raises(NotReadableError, match='no such directory'):
        zipdir(str(tmp_path / 'no'), str(tmp_path / 'b.zip'))


def test_a_damaged_zip_file_is_named(tmp_path):
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x', 'data' * 100)
    path.write_bytes(path.read_bytes().replace(b'datadata', b'dataDATA', 1))
    with pytest.raises(NotReadableError, match=r'a\.zip.*damaged'):
        unzip(str(path), str(tmp_path / 'out'))


@pytest.mark.parametrize('ext', ['.zip', '.tar', '.tar.gz', '.tar.xz'])
def test_extract_puts_files_beside_the_archive(tmp_path, ext):
    path = tmp_path / f'scenes{ext}'
    if ext == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('sub/a', 'data')
    else:
        mode = {'.tar': 'w', '.tar.gz': 'w:gz', '.tar.xz': 'w:xz'}[ext]
        with tarfile.open(path, mode) as archive:
            info = tarfile.TarInfo('sub/a')
            info.size = 4
            archive.addfile(info, io.BytesIO(b'data'))
    assert is_archive(str(path))
    assert extract(str(path)) == str(tmp_path / 'scenes')
    assert (tmp_path / 'scenes' / 'sub' / 'a').read_text() == 'data'


def test_extract_downloads(web, tmp_path, cache):
    data = io.BytesIO()
    with zipfile.ZipFile(data, 'w') as archive:
        archive.writestr('a', 'data')
    folder = extract(web.put('/x.zip', data.getvalue()), target_dir=str(tmp_path / 'out'))
    assert (Path(folder) / 'a').read_text() == 'data'


@pytest.mark.parametrize('ext', ['zip', 'tar'])
def test_what_was_extracted_in_the_cache_is_in_use(web, tmp_path, cache, ext):
    (tmp_path / 'src').mkdir()
    (tmp_path / 'src' / 'a').write_text('data')
    os.utime(tmp_path / 'src' / 'a', (1e9, 1e9))
    archive = shutil.make_archive(str(tmp_path / 'x'), ext, tmp_path / 'src')
    folder = extract(web.put(f'/x.{ext}', Path(archive).read_bytes()))
    trim(cache_dir(), max_bytes=0)
    assert Path(folder, 'a').read_text() == 'data'


def test_what_is_extracted_joins_what_is_there(tmp_path):
    (tmp_path / 'src' / 'd').mkdir(parents=True)
    (tmp_path / 'src' / 'empty').mkdir()
    (tmp_path / 'src' / 'd' / 'a').write_text('new')
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        archive.add(tmp_path / 'src', '.')
        link = tarfile.TarInfo('d/link')
        link.type, link.linkname = tarfile.SYMTYPE, 'a'
        archive.addfile(link)
    (tmp_path / 'out' / 'd').mkdir(parents=True)
    (tmp_path / 'out' / 'd' / 'a').write_text('old')
    (tmp_path / 'out' / 'd' / 'b').write_text('mine')
    extract(str(tmp_path / 'a.tar'), str(tmp_path / 'out'))
    found = {path.relative_to(tmp_path / 'out').as_posix() for path in tmp_path.rglob('out/**/*')}
    assert found == {'d', 'd/a', 'd/b', 'd/link', 'empty'}
    assert (tmp_path / 'out' / 'd' / 'link').read_text() == 'new'
    assert (tmp_path / 'out' / 'd' / 'b').read_text() == 'mine'


def test_extract_refuses_unsafe_tars_and_other_files(tmp_path):
    with tarfile.open(tmp_path / 'a.tar', 'w') as archive:
        archive.addfile(tarfile.TarInfo('../evil'))
    with pytest.raises(NotReadableError, match=r'a\.tar.*outside'):
        extract(str(tmp_path / 'a.tar'))
    link = tarfile.TarInfo('ln')
    link.type, link.linkname = tarfile.SYMTYPE, '/etc'
    with tarfile.open(tmp_path / 'b.tar', 'w') as archive:
        archive.addfile(link)
    with pytest.raises(NotReadableError, match=r'b\.tar.*unsafe'):
        extract(str(tmp_path / 'b.tar'))
    assert not is_archive('a.tif')
    with pytest.raises(NotReadableError, match='not an archive'):
        extract('a.tif')
