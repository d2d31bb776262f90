"""The S3 server of tests behind a proxy that keeps a log of what is asked for.

It is a process of its own, `python watched_proxy.py TARGET EVERY LOG`, because rasterio holds the
GIL while it opens a file.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from subprocess import PIPE

import pytest
from faulty_proxy import FaultyProxy
from waiting import started


@dataclass(frozen=True)
class Request:
    """A request, and how many bytes the answer had."""

    method: str
    path: str
    span: str
    """The range that was asked for, '-' for all."""
    size: int


@dataclass(frozen=True)
class Watched:
    """What the proxy has passed on."""

    log: Path

    @property
    def requests(self) -> list[Request]:
        """All requests so far."""
        lines = [line.split('\t') for line in self.log.read_text().splitlines()]
        return [Request(method, path, span, int(size)) for method, path, span, size in lines]

    @property
    def received(self) -> int:
        """Bytes that came back so far."""
        return sum(request.size for request in self.requests)


@pytest.fixture
def watched(
    ministack: str,
    s3: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Watched]:
    """The proxy; a parameter says that one request in so many goes wrong."""
    log = tmp_path / 'requests.log'
    log.touch()
    command = [sys.executable, __file__, ministack, getattr(request, 'param', 0), log]
    with started(command, 300, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        monkeypatch.setenv('AWS_ENDPOINT_URL', process.stdout.readline().strip())
        yield Watched(log)


class _WatchedProxy(FaultyProxy):
    log: Path

    def _ask(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        status, headers, data = super()._ask(handler, body)
        size = 0 if handler.command == 'HEAD' else len(data)
        line = (handler.command, handler.path, handler.headers.get('Range', '-'), str(size))
        with self.log.open('a') as log:
            log.write('\t'.join(line) + '\n')
        return status, headers, data


if __name__ == '__main__':
    proxy = _WatchedProxy(sys.argv[1], every=int(sys.argv[2]))
    proxy.log = Path(sys.argv[3])
    print(proxy.url, flush=True)  # noqa: T201 read by the fixture
    proxy.httpd.serve_forever()
