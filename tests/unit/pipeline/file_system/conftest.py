"""A real web server on the loopback interface, with faults on demand."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

import pytest

from rastervision.pipeline.file_system import http_file_system


class WebServer:
    """Serves `files` (path -> content); `faults` gives for a path what goes wrong, in turn.

    A fault is a status code to answer with, or ('cut', n): break off after n bytes.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[int | tuple[str, int]]] = {}
        self.requests: Counter[str] = Counter()
        self.modified: float | None = 1_600_000_000.0
        self.etags = True
        self.weak = False
        self.ranges = True
        self.tells_size = False
        self.delay = 0.0
        self.bytes_sent = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.base = f'http://127.0.0.1:{self.httpd.server_port}'
        self.thread = threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def put(self, path: str, data: bytes) -> str:
        """Serve `data` at `path` and return its URL."""
        self.files[path] = data
        return self.base + quote(path)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path = unquote(parts.path) + (f'?{parts.query}' if parts.query else '')
        start = self._range_start(handler)
        probe = handler.headers.get('Range') == 'bytes=0-0'
        self.requests[f'probe {path}' if probe else path] += 1
        time.sleep(0 if probe else self.delay)
        fault = None if probe or not self.faults.get(path) else self.faults[path].pop(0)
        data = self.files.get(path)
        status = fault if isinstance(fault, int) else 404 if data is None else 200
        if status != 200:
            handler.send_error(status)
            return
        about = {}
        if self.etags:
            about['ETag'] = f'{"W/" * self.weak}"{sha256(data).hexdigest()}"'
        if self.modified is not None:
            about['Last-Modified'] = formatdate(self.modified, usegmt=True)
        condition = handler.headers.get('If-Range')
        assert not (condition or '').startswith('W/'), 'the standard forbids it'
        same = condition in {None, *about.values()}
        part = start is not None and self.ranges and same
        body = data[start : 1 if probe else None] if part else data
        handler.send_response(206 if part else 200)
        handler.send_header('Content-Length', str(len(body)))
        if part and self.tells_size:
            span = f'{start}-{start + len(body) - 1}'
            handler.send_header('Content-Range', f'bytes {span}/{len(data)}')
        for name, value in about.items():
            handler.send_header(name, value)
        handler.end_headers()
        body = body[: fault[1]] if isinstance(fault, tuple) else body
        self.bytes_sent += len(body)
        with suppress(ConnectionError):  # the client has read enough
            handler.wfile.write(body)

    @staticmethod
    def _range_start(handler: BaseHTTPRequestHandler) -> int | None:
        text = handler.headers.get('Range')
        return None if text is None else int(text.removeprefix('bytes=').partition('-')[0])


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server; retries wait no time."""
    monkeypatch.setattr(http_file_system, 'BACKOFF', 0.0)
    server = WebServer()
    yield server
    server.httpd.shutdown()
    server.httpd.server_close()
    server.thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> str:
    """An empty download cache."""
    folder = tmp_path / 'cache'
    monkeypatch.setenv('RV_CACHE_DIR', str(folder))
    return str(folder)
