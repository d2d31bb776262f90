"""A proxy that makes what is behind it fail now and then, for tests."""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest


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
