"""Opening URLs with a user and a password in them, which only their own server gets to see."""

from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPMessage
from typing import IO, Any
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

_LOGIN = 'Authorization'


def open_url(url: str, headers: Mapping[str, str], timeout: float) -> Any:
    """The response to a GET.

    Args:
        url: An http or https URL; what stands before an @ of its host becomes a header.
        headers: Headers of the request.
        timeout: Seconds to wait for an answer.

    Raises:
        ValueError: It is not a URL.
        OSError, http.client.HTTPException: There is no answer, or a bad one.
    """
    parts = urlsplit(url)
    login, mark, host = parts.netloc.rpartition('@')
    request = Request(parts._replace(netloc=host).geturl(), headers=dict(headers))  # noqa: S310
    if mark:
        token = b64encode(unquote(login).encode()).decode()
        request.add_unredirected_header(_LOGIN, f'Basic {token}')
    return build_opener(_OwnServerOnly).open(request, timeout=timeout)


class _OwnServerOnly(HTTPRedirectHandler):
    """Follows redirects; the login goes along to the same server alone."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        login = req.unredirected_hdrs.get(_LOGIN)
        if new is not None and login and (new.type, new.host) == (req.type, req.host):
            new.add_unredirected_header(_LOGIN, login)
        return new
