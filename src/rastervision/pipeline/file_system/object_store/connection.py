"""Opening buckets: what settings, environment and credentials make of the name of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rastervision.pipeline.file_system.object_store.forks import note_start
from rastervision.pipeline.rv_config import child_environment

RETRIES = 6
"""How often the library repeats a request that the server or the network failed."""
BACKOFF_SECONDS = 0.2
"""Wait before the first repetition; about twice as long before each further one."""
_READ = ('AWS_', 'AZURE_', 'GOOGLE_')
_MAX_BACKOFF_SECONDS = 10
_TIMEOUTS = {'connect_timeout': '10s', 'read_timeout': '120s', 'timeout': '900s'}


@dataclass(frozen=True, slots=True)
class Connection:
    """What is needed to open a bucket. Equal connections share one client.

    Attributes:
        kind: Name of the class in `obstore.store`.
        bucket: Name of the bucket.
        config: Settings of the class.
        headers: HTTP headers to send with every request.
        environment: Digest of the environment variables that the class reads itself.
        provider: Function that returns credentials; the class looks for some itself if None.
    """

    kind: str
    bucket: str
    config: tuple[tuple[str, Any], ...] = field(repr=False)
    headers: tuple[tuple[str, str], ...]
    environment: int
    provider: Callable[[], Any] | None = field(default=None, repr=False)


def connect(
    kind: str,
    bucket: str,
    config: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    provider: Callable[[], Any] | None = None,
) -> Any:
    """Open a bucket; settings that are None or '' are left to the store's own defaults.

    Returns:
        A store of `obstore`.
    """
    given = {name: value for name, value in config.items() if value not in {None, ''}}
    return _open(
        Connection(
            kind,
            bucket,
            tuple(sorted(given.items())),
            tuple((headers or {}).items()),
            hash(frozenset(i for i in child_environment().items() if i[0].startswith(_READ))),
            provider,
        ),
        RETRIES,
        BACKOFF_SECONDS,
    )


@lru_cache(maxsize=64)
def _open(connection: Connection, retries: int, backoff: float) -> Any:
    from datetime import timedelta

    from obstore import store

    note_start()
    config = dict(connection.config)
    endpoint = str(config.get('endpoint') or config.get('base_url') or '')
    options: dict[str, Any] = {**_TIMEOUTS, 'allow_http': endpoint.startswith('http://')}
    if connection.headers:
        options['default_headers'] = dict(connection.headers)
    more = {} if connection.provider is None else {'credential_provider': connection.provider}
    return getattr(store, connection.kind)(
        connection.bucket,
        config=config,
        client_options=options,
        retry_config={
            'max_retries': retries,
            'backoff': {
                'init_backoff': timedelta(seconds=backoff),
                'max_backoff': timedelta(seconds=_MAX_BACKOFF_SECONDS),
            },
        },
        **more,
    )
