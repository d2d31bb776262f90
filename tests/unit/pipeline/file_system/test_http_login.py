"""Users and passwords in URLs reach the server that they are for, and nobody else."""

import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rastervision.pipeline.file_system import NotReadableError, file_to_str

LOGIN = 'Basic ' + b64encode('me:SECRET/ü@1'.encode()).decode()
IN_URL = 'me:SECRET%2F%C3%BC%401@'


class Server:
    """Gives `/a` to those who log in; `/to` redirects; notes what logins came."""

    def __init__(self):
        self.logins = []
        self.target = ''
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                login = self.headers.get('Authorization')
                server.logins.append(login)
                if self.path == '/to':
                    self.send_response(302)
                    self.send_header('Location', server.target)
                    self.end_headers()
                elif login in {None, LOGIN} and (login or self.path == '/open'):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b'yes')
                else:
                    self.send_error(401)

            def log_message(self, *args):
                pass

        self.httpd = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.host = f'127.0.0.1:{self.httpd.server_port}'
        self.thread = threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def other():
    server = Server()
    yield server
    server.close()


def test_a_password_is_sent_as_a_header(server):
    assert file_to_str(f'http://{IN_URL}{server.host}/a') == 'yes'
    assert set(server.logins) == {LOGIN}


def test_without_a_password_nothing_is_sent(server):
    assert file_to_str(f'http://{server.host}/open') == 'yes'
    assert set(server.logins) == {None}


def test_a_redirect_on_the_same_server_keeps_it(server):
    server.target = '/a'
    assert file_to_str(f'http://{IN_URL}{server.host}/to') == 'yes'
    assert set(server.logins) == {LOGIN}


def test_another_server_does_not_get_it(server, other):
    server.target = f'http://{other.host}/open'
    assert file_to_str(f'http://{IN_URL}{server.host}/to') == 'yes'
    assert set(other.logins) == {None}


@pytest.mark.parametrize(
    ('place', 'reason'), [('{host}/a', 'answered HTTP 401'), ('h:x/a', 'not a valid URL; write')]
)
def test_messages_do_not_have_it(server, place, reason):
    place = place.format(host=server.host)
    with pytest.raises(NotReadableError, match=f'^Cannot read http://{place}: .*{reason}[^S]*$'):
        file_to_str(f'http://me:SECRET@{place}')
