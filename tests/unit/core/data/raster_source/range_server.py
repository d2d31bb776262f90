"""A web server with byte ranges: `python range_server.py FOLDER LOG` prints its port.

It runs as a process of its own, because rasterio holds the GIL while it opens a file. The log
has a line for every answer with the number of bytes in it.
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class RangeHandler(SimpleHTTPRequestHandler):
    log = Path(sys.argv[2])

    def send_head(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        start, end = 0, len(data) - 1
        if span := self.headers.get('Range'):
            first, _, last = span.removeprefix('bytes=').partition('-')
            start, end = int(first), min(int(last or end), end)
            self.send_response(206)
            self.send_header('Content-Range', f'bytes {start}-{end}/{len(data)}')
        else:
            self.send_response(200)
        self.send_header('Accept-Ranges', 'bytes')
        self.send_header('Content-Length', str(end - start + 1))
        self.end_headers()
        if self.command == 'GET':
            with self.log.open('a') as f:
                f.write(f'{end - start + 1}\n')
            self.wfile.write(data[start : end + 1])

    do_GET = do_HEAD = send_head  # noqa: N815 names of the base

    def log_message(self, *args):
        pass


if __name__ == '__main__':
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(RangeHandler, directory=sys.argv[1])) as s:
        print(s.server_port, flush=True)  # noqa: T201 read by the test
        s.serve_forever()
