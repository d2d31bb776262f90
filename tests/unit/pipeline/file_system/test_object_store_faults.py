"""Object stores that fail, refuse or are not there: nothing lost, one line to read."""

import os
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
from faulty_proxy import FaultyProxy
from servers import KEY_ID, SECRET, free_port

from rastervision.pipeline.file_system import (
    FileSystem,
    NotReadableError,
    NotWritableError,
    file_exists,
    file_to_str,
    list_paths,
    str_to_file,
    sync_from_dir,
    sync_to_dir,
)
from rastervision.pipeline.file_system.object_store import (
    ObjectStoreFileSystem,
    aws,
    connection,
    transfer,
)
from rastervision.pipeline.file_system.utils import remove

BIG = os.urandom(6_000_000)


def test_a_server_that_fails_now_and_then_loses_nothing(s3, faulty, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 18)
    src, dst = tmp_path / 'src', tmp_path / 'dst'
    src.mkdir()
    for i in range(20):
        (src / f'{i}').write_bytes(BIG[: i * 1000])
    (src / 'big').write_bytes(BIG)
    sync_to_dir(str(src), f'{s3}/d')
    sync_from_dir(f'{s3}/d', str(dst))
    for path in src.iterdir():
        assert (dst / path.name).read_bytes() == path.read_bytes()
    assert len(list_paths(f'{s3}/d')) == 21
    remove(f'{s3}/d')
    assert not file_exists(f'{s3}/d')
    assert sum(faulty.seen.values()) == faulty.requests // faulty.every
    assert len(faulty.seen) == len(faulty.faults)


@pytest.mark.parametrize('fault', ['500', '503', 'drop', 'cut', 'lost answer'])
def test_every_fault_once(s3, faulty, tmp_path, fault, monkeypatch):
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 18)
    faulty.faults, faulty.every = (fault,), 3
    (tmp_path / 'a').write_bytes(BIG[:1_000_000])
    ObjectStoreFileSystem.copy_to(str(tmp_path / 'a'), f'{s3}/a')
    ObjectStoreFileSystem.copy_from(f'{s3}/a', str(tmp_path / 'b'))
    assert (tmp_path / 'b').read_bytes() == BIG[:1_000_000]
    assert file_exists(f'{s3}/a')
    assert ObjectStoreFileSystem.read_bytes(f'{s3}/a') == BIG[:1_000_000]


@pytest.mark.parametrize('fault', ['500', 'drop', 'lost answer'])
def test_one_writer_creates_a_file_whatever_goes_wrong(s3, faulty, fault):
    faulty.faults, faulty.every = (fault,), 3
    for round_ in range(4):
        uri = f'{s3}/lock-{round_}'
        with ThreadPoolExecutor(3) as threads:
            done = list(threads.map(ObjectStoreFileSystem.create, [uri] * 3, [b'0', b'1', b'2']))
        assert sum(done) == 1
        assert file_to_str(uri) == str(done.index(True))


def test_a_store_without_conditional_uploads(s3, faulty, monkeypatch):
    def refuse(self, handler: BaseHTTPRequestHandler) -> None:
        if 'If-None-Match' not in handler.headers:
            FaultyProxy.pass_on(self, handler)
            return
        handler.rfile.read(int(handler.headers['Content-Length']))
        body = b'<Error><Code>NotImplemented</Code></Error>'
        handler.send_response(501)
        handler.send_header('Content-Length', str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    monkeypatch.setattr(faulty, 'pass_on', refuse.__get__(faulty))
    assert ObjectStoreFileSystem.create(f'{s3}/lock', b'1')
    assert not ObjectStoreFileSystem.create(f'{s3}/lock', b'1')


def test_an_upload_that_keeps_failing_leaves_what_was_there(s3, faulty, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 18)
    monkeypatch.setattr(connection, 'RETRIES', 1)
    str_to_file('old', f'{s3}/a')
    (tmp_path / 'a').write_bytes(BIG)
    faulty.every, faulty.faults = 1, ('503',)
    with pytest.raises(NotWritableError, match=f'{s3}/a: the store answered HTTP 503'):
        ObjectStoreFileSystem.copy_to(str(tmp_path / 'a'), f'{s3}/a')
    faulty.faults = ('drop',)
    with pytest.raises(NotReadableError, match=f'{s3}/a: the connection to http.* broke off'):
        ObjectStoreFileSystem.copy_from(f'{s3}/a', str(tmp_path / 'b'))
    faulty.every = 0
    assert file_to_str(f'{s3}/a') == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a']


def test_an_object_that_changes_while_it_is_read_is_refused(s3, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 18)
    monkeypatch.setattr(transfer, 'DOWNLOADS', 1)
    uri = f'{s3}/a'
    ObjectStoreFileSystem.write_bytes(uri, BIG)
    get_range = transfer._range

    def change_first(address, start, stop, etag):
        if start:
            str_to_file('other', uri)
        return get_range(address, start, stop, etag)

    monkeypatch.setattr(transfer, '_range', change_first)
    with pytest.raises(NotReadableError, match='changed while it was read'):
        ObjectStoreFileSystem.copy_from(uri, str(tmp_path / 'a'))
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_nobody_answers_at(no_clouds, monkeypatch):
    monkeypatch.setattr(connection, 'RETRIES', 1)
    url = f'http://127.0.0.1:{free_port()}'
    monkeypatch.setenv('AWS_S3_ENDPOINT_URL', url)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    with pytest.raises(
        NotReadableError, match=f's3://b/a: {url} cannot be reached; check'
    ) as caught:
        file_to_str('s3://b/a')
    assert SECRET not in str(caught.value)


def test_ctrl_c_ends_the_wait_for_a_silent_server(no_clouds):
    with socket.create_server(('127.0.0.1', 0)) as server:
        code = (
            'import os, signal, threading\n'
            'from rastervision.pipeline.file_system import file_to_str\n'
            'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
            'try:\n'
            '    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n'
            '    file_to_str("s3://b/a")\n'
            'except KeyboardInterrupt:\n'
            '    print("ended")\n'
        )
        environment = {
            **os.environ,
            'AWS_ENDPOINT_URL': f'http://127.0.0.1:{server.getsockname()[1]}',
            'AWS_ACCESS_KEY_ID': KEY_ID,
            'AWS_SECRET_ACCESS_KEY': SECRET,
        }
        done = subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=True,
        )
    assert done.stdout.strip() == 'ended'


def test_a_whole_bucket_is_not_removed(s3):
    str_to_file('x', f'{s3}/a')
    with pytest.raises(NotWritableError, match='a whole bucket'):
        remove(f'{s3}/')
    assert file_exists(f'{s3}/a')


ANSWERS = {
    'AccessDenied': (403, 'access denied; ask for'),
    'ExpiredToken': (400, 'credentials have expired; renew them'),
    'InvalidAccessKeyId': (403, 'credentials are wrong'),
    'RequestTimeTooSkewed': (403, 'clock of this machine'),
    'EntityTooLarge': (400, 'HTTP 400 EntityTooLarge Said so'),
}


class Refusing(FaultyProxy):
    """A server that refuses everything with one code."""

    code = 'AccessDenied'
    region = ''

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests += 1
        handler.rfile.read(int(handler.headers.get('Content-Length') or 0))
        status = 301 if self.region else ANSWERS[self.code][0]
        body = f'<Error><Code>{self.code}</Code><Message>Said so</Message></Error>'.encode()
        handler.send_response(status)
        if self.region:
            handler.send_header('x-amz-bucket-region', self.region)
        handler.send_header('Content-Length', str(len(body)))
        handler.end_headers()
        if handler.command != 'HEAD':
            handler.wfile.write(body)


@pytest.fixture
def refusing(no_clouds, monkeypatch):
    with Refusing('').serving() as server:
        monkeypatch.setenv('AWS_ENDPOINT_URL', server.url)
        monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
        monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
        yield server


@pytest.mark.parametrize('code', ANSWERS)
def test_refusals_are_told_apart(refusing, code):
    refusing.code = code
    message = ANSWERS[code][1]
    with pytest.raises(NotReadableError, match=f's3://b/a: .*{message}'):
        file_to_str('s3://b/a')
    with pytest.raises(NotWritableError, match=f's3://b/a: .*{message}'):
        str_to_file('x', 's3://b/a')
    with pytest.raises(NotReadableError, match=f's3://b/a: .*{message}'):
        list_paths('s3://b/a')


def test_access_denied_is_not_taken_for_missing(refusing):
    with pytest.raises(NotReadableError, match='access denied'):
        file_exists('s3://b/a')


def test_a_bucket_in_another_region_is_found(s3, ministack, refusing, monkeypatch):
    """The first request is redirected, as Amazon does it; the region is asked for, then used."""
    monkeypatch.setattr(aws, '_regions', {})
    monkeypatch.setenv('AWS_REGION', 'eu-west-3')
    refusing.code, refusing.region, refusing.target = 'PermanentRedirect', 'us-east-1', ministack

    def by_region(handler):
        is_right = 'us-east-1' in handler.headers.get('Authorization', '')
        (FaultyProxy if is_right else Refusing).pass_on(refusing, handler)

    refusing.every = 0
    monkeypatch.setattr(refusing, 'pass_on', by_region)
    str_to_file('x', f'{s3}/a')
    assert file_to_str(f'{s3}/a') == 'x'


def test_a_process_that_was_forked_reads_and_writes(s3, tmp_path):
    """Data loaders fork: the library's threads are not there in the child."""
    code = (
        'import os, signal\n'
        'from rastervision.pipeline.file_system import file_to_str, str_to_file\n'
        f'str_to_file("1", "{s3}/a")\n'
        'if os.fork() == 0:\n'
        '    signal.alarm(50)\n'
        f'    str_to_file(file_to_str("{s3}/a") + "2", "{s3}/b")\n'
        '    os._exit(0)\n'
        'os.wait()\n'
        f'print(file_to_str("{s3}/b"))\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout.strip() == '12', result.stderr


def test_nothing_is_left_of_broken_uploads(s3, ministack, faulty, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, 'PART_BYTES', 1 << 18)
    (tmp_path / 'a').write_bytes(BIG)

    begun = 0

    def pass_on(handler: BaseHTTPRequestHandler) -> None:
        nonlocal begun
        begins = handler.path.endswith('?uploads=')  # its answer is all that names the upload
        begun += begins
        faulty.every = 0 if begins else 1 if begun == 1 else 3
        FaultyProxy.pass_on(faulty, handler)

    monkeypatch.setattr(faulty, 'pass_on', pass_on)
    faulty.faults = ('lost answer',)
    ObjectStoreFileSystem.copy_to(str(tmp_path / 'a'), f'{s3}/a')
    url = f'{ministack}/{s3.removeprefix("s3://")}?uploads'
    with urllib.request.urlopen(url, timeout=60) as response:
        assert b'<Upload>' not in response.read()
    assert begun == 2
    assert FileSystem.get_file_system(s3).stamp(f'{s3}/a') == transfer.s3_etag(tmp_path / 'a')
