"""Finding experiments: folders that runs have written to."""

from collections.abc import Iterable, Iterator

from rastervision.pipeline.errors import NotReadableError
from rastervision.pipeline.file_system import file_exists, list_paths
from rastervision.pipeline.loading import config_uri
from rastervision.pipeline.state import LOCK, state_uri


def experiment_roots(uris: Iterable[str], begun: bool = False) -> list[str]:
    """The root URIs of experiments.

    Args:
        uris: Root URIs, and folders that have root URIs in them, such as those of a sweep.
        begun: Whether roots count where a run has begun that has not written its config yet.

    Raises:
        NotReadableError: One is neither.
    """
    return list(dict.fromkeys(root for uri in uris for root in _roots(uri, begun)))


def _roots(uri: str, begun: bool) -> Iterator[str]:
    if _is_root(uri, begun):
        yield uri
        return
    below = [path.rstrip('/') for path in sorted(list_paths(uri))]
    roots = [path for path in below if _is_root(path, begun)]
    if not roots:
        raise NotReadableError(
            f'{uri} has no pipeline-config.json, and neither has a folder in it; name the root_uri '
            f'of a run, or the folder that the root URIs of a sweep are in.'
        )
    yield from roots


def _is_root(uri: str, begun: bool) -> bool:
    signs = [config_uri(uri), *([state_uri(uri, LOCK)] if begun else [])]
    return any(file_exists(sign, include_dir=False) for sign in signs)
