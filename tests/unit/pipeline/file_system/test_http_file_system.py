"""Reading from a real web server, also from one that fails now and then."""

import os
import socket
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.file_system import (
    HttpFileSystem,
    NotReadableError,
    NotWritableError,
    file_exists,
    file_to_json,
    file_to_str,
    is_local,
    str_to_file,
)
from rastervision.pipeline.file_system.http_file_system import get_file_obj

BIG = os.urandom(3_000_000)
CHANGED = {
    'reversed': BIG[::-1],
    'shorter': BIG[:2_000_000],
    'very short': BIG[:10],
    'longer': BIG + b'x',
}


@pytest.mark.parametrize('path', ['/a.txt', '/dir/ä b.txt', '/a.txt?sig=x%2Fy&n=1', '/a#b+c.txt'])
def test_every_path_is_read_as_it_is(web, path):
    web.files[path] = 'grüße'.encode()
    uri = web.base + path.replace('#', '%23')
    assert file_to_str(uri) == 'grüße'
    assert file_exists(uri)
    assert not is_local(uri)


def test_a_json_file_is_read(web):
    assert file_to_json(web.put('/a.json', b'{"a": 1}')) == {'a': 1}


def test_a_missing_file_is_named(web):
    assert not file_exists(f'{web.base}/no.txt')
    with pytest.raises(NotReadableError, match=r'no\.txt.*HTTP 404'):
        file_to_str(f'{web.base}/no.txt')


def test_an_empty_file_exists(web, tmp_path):
    uri = web.put('/empty', b'')
    assert file_exists(uri)
    HttpFileSystem.copy_from(uri, str(tmp_path / 'empty'))
    assert (tmp_path / 'empty').read_bytes() == b''


def test_access_denied_is_not_taken_for_missing(web):
    uri = web.put('/a', b'x')
    web.faults['/a'] = [403]
    with pytest.raises(NotReadableError, match='403'):
        file_to_str(uri)
    assert web.requests['/a'] == 1


def test_last_modified_has_a_time_zone(web):
    uri = web.put('/a', b'x')
    assert HttpFileSystem.last_modified(uri) == datetime.fromtimestamp(web.modified, tz=UTC)
    web.modified = None
    assert HttpFileSystem.last_modified(uri) is None


def test_the_size_of_a_file_of_which_parts_can_be_read(web):
    uri = web.put('/a', b'abc')
    assert HttpFileSystem.size_if_ranged(uri) is None  # parts without a word on the whole
    web.tells_size = True
    assert HttpFileSystem.size_if_ranged(uri) == 3
    web.ranges = False
    assert HttpFileSystem.size_if_ranged(uri) is None
    with pytest.raises(NotReadableError, match='no such file'):
        HttpFileSystem.size_if_ranged(f'{uri}/none')


@pytest.mark.parametrize('etags', ['strong', 'weak', 'none'])
@pytest.mark.parametrize('dates', [True, False])
@pytest.mark.parametrize('ranges', [True, False])
def test_a_download_goes_on_after_faults(web, tmp_path, ranges, dates, etags):
    web.ranges, web.modified = ranges, web.modified if dates else None
    web.etags, web.weak = etags != 'none', etags == 'weak'
    uri = web.put('/big.tif', BIG)
    web.faults['/big.tif'] = [503, ('cut', 1_000_000), ('cut', 1_100_000)]
    HttpFileSystem.copy_from(uri, str(tmp_path / 'big.tif'))
    assert (tmp_path / 'big.tif').read_bytes() == BIG
    assert (web.bytes_sent == len(BIG)) is (ranges and (dates or etags == 'strong'))


def test_a_download_that_keeps_failing_leaves_nothing(web, tmp_path):
    uri = web.put('/big.tif', BIG)
    web.faults['/big.tif'] = [('cut', 10)] * 10
    with pytest.raises(NotReadableError, match=r'big\.tif.*broke off'):
        HttpFileSystem.copy_from(uri, str(tmp_path / 'big.tif'))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('told_by', 'changed'),
    [
        *product(['etag', 'date', 'content'], CHANGED),
        *product(['size'], [name for name in CHANGED if name != 'reversed']),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_refused(web, changed, told_by):
    """The size tells it where the date does not: servers keep no more than whole seconds."""
    web.etags, web.tells_size = told_by == 'etag', True
    web.modified = web.modified if told_by in {'date', 'size'} else None
    uri = web.put('/a', BIG)
    web.faults['/a'] = [('cut', 1_000_000)]
    original = web.answer

    def change_first(handler):
        original(handler)
        web.files['/a'] = CHANGED[changed]
        web.modified = web.modified and web.modified + (told_by == 'date')

    web.answer = change_first
    with pytest.raises(NotReadableError, match='changed'):
        HttpFileSystem.read_bytes(uri)


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        uri = f'http://127.0.0.1:{unused.getsockname()[1]}/a?token=secret'
        with pytest.raises(NotReadableError, match='refused') as caught:
            file_to_str(uri)
    assert 'secret' not in str(caught.value)


def test_silence_is_a_timeout(web, monkeypatch):
    monkeypatch.setattr('rastervision.pipeline.file_system.http_file_system.TIMEOUT', 0.05)
    monkeypatch.setattr('rastervision.pipeline.file_system.http_file_system.ATTEMPTS', 2)
    web.delay = 0.3
    with pytest.raises(NotReadableError, match='no answer'):
        file_to_str(web.put('/slow', b'x'))
    assert web.requests['/slow'] == 2


def test_an_url_without_sense_is_an_error():
    with pytest.raises(NotReadableError, match='http://'):
        file_to_str('http://[::1')
    with pytest.raises(NotReadableError, match='not a valid URL'):
        HttpFileSystem.local_path('http://[::1', 'cache')


def test_writing_and_listing_are_refused_in_words(tmp_path):
    (tmp_path / 'a').write_text('x')
    for write in (
        lambda: str_to_file('x', 'http://x/a'),
        lambda: HttpFileSystem.write_bytes('http://x/a', b''),
        lambda: HttpFileSystem.copy_to(str(tmp_path / 'a'), 'http://x/a'),
        lambda: HttpFileSystem.sync_to_dir(str(tmp_path), 'http://x/a'),
    ):
        with pytest.raises(NotWritableError, match=r'http://x/a.*read only'):
            write()
    for read in (
        lambda: HttpFileSystem.list_paths('http://x/a'),
        lambda: HttpFileSystem.sync_from_dir('http://x/a', str(tmp_path)),
    ):
        with pytest.raises(NotReadableError, match='list no directories'):
            read()


@pytest.mark.parametrize('with_progress', [True, False])
def test_an_url_opens_as_a_file(web, with_progress):
    with get_file_obj(web.put('/a', b'abc'), with_progress) as file:
        assert file.read(2) + file.read() == b'abc'
    with pytest.raises(NotReadableError, match='/no'), get_file_obj(f'{web.base}/no'):
        pass


URLS = st.builds(
    lambda host, parts, query: f'http://{host}/{"/".join(parts)}{query}',
    st.sampled_from(['a.org', 'a.org:80', 'u:p@b.org']),
    st.lists(st.sampled_from(['..', '.', 'a b', 'x' * 300, 'y' * 299 + 'z', 'c:', '%2e%2e', 'ä?'])),
    st.sampled_from(['', '?a=1', '?a=2', '?p=../../x']),
)


@given(st.lists(URLS, min_size=2, unique=True))
def test_local_paths_stay_inside_and_names_are_short(uris):
    for uri in uris:
        path = Path(HttpFileSystem.local_path(uri, '/cache'))
        assert path.resolve().is_relative_to(Path('/cache/http').resolve())
        assert max(len(part.encode()) for part in path.parts) < 255
    queries = [HttpFileSystem.local_path(f'http://a/x.tif?{i}', '/cache') for i in range(5)]
    assert all(a != b and a.endswith('.tif') for a, b in pairwise(queries))
