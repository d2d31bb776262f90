"""A proxy as a process of its own: rasterio holds the GIL while it opens a file.

`python watched_proxy.py TARGET EVERY LOG` prints its URL. The log has a line for every request: its
method, its path, the range that it asks for or '-', and the bytes of the answer. One request in
EVERY goes wrong, none for 0.
"""

import sys
from pathlib import Path

from servers import FaultyProxy


class WatchedProxy(FaultyProxy):
    """Keeps a log of requests."""

    log: Path

    def _ask(self, handler, body):  # type: ignore[no-untyped-def]
        status, headers, data = super()._ask(handler, body)
        span = handler.headers.get('Range', '-')
        size = 0 if handler.command == 'HEAD' else len(data)
        with self.log.open('a') as log:
            log.write(f'{handler.command} {handler.path.partition("?")[0]} {span} {size}\n')
        return status, headers, data


if __name__ == '__main__':
    proxy = WatchedProxy(sys.argv[1], every=int(sys.argv[2]))
    proxy.log = Path(sys.argv[3])
    print(proxy.url, flush=True)  # noqa: T201 read by the test
    proxy.httpd.serve_forever()
