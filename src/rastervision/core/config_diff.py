"""What differs between serialised configs, by the paths of fields."""

from collections.abc import Iterator, Sequence
from typing import Any

from rastervision.pipeline.upgrade import PLUGIN_VERSIONS, TYPE_HINT

Path = tuple[str, ...]
MISSING = object()
"""Stands for a field that a config does not have."""
NO_OPTIONS = (PLUGIN_VERSIONS, 'rv_config', 'root_uri')
ROOT = '{root_uri}'


def differences(configs: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Fields that are not the same in all configs of pipelines.

    URIs count as the same if they are the same below the `root_uri` of each pipeline. Of a field
    that occurs several times with the same values, such as a dataset that is also part of the
    backend, the shortest path is told.

    Args:
        configs: Serialised configs.

    Returns:
        Shortest end of the path of a field that tells it from the others, such as 'solver.lr' ->
        its value in each config; None where it is missing.
    """
    plain = [
        _without_root({k: v for k, v in config.items() if k not in NO_OPTIONS}, config)
        for config in configs
    ]
    found = sorted(_differences(plain, ()), key=lambda item: len(item[0]))
    kept: dict[Path, list[Any]] = {}
    for path, values in found:
        if not any(path[-1] == other[-1] and values == kept[other] for other in kept):
            kept[path] = values
    return dict(zip(_shortest_ends(list(kept)), kept.values(), strict=True))


def _without_root(value: Any, config: dict[str, Any]) -> Any:
    """A value in which the root of a pipeline has the same name for all pipelines."""
    if isinstance(value, dict):
        return {key: _without_root(item, config) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_root(item, config) for item in value]
    root = str(config.get('root_uri') or '').rstrip('/')
    is_below = isinstance(value, str) and root and f'{value}/'.startswith(f'{root}/')
    return ROOT + value[len(root) :] if is_below else value


def _differences(values: Sequence[Any], path: Path) -> Iterator[tuple[Path, list[Any]]]:
    if all(value == values[0] for value in values):
        return
    parts = [_parts(value) for value in values]
    known = [part for part in parts if part is not None]
    if len(known) < len(values):
        yield path, [_shown(value) for value in values]
        return
    for name in dict.fromkeys(name for part in known for name in part):
        yield from _differences([part.get(name, MISSING) for part in known], (*path, name))


def _parts(value: Any) -> dict[str, Any] | None:
    """The named parts of a config, or of a list of configs; None for what is shown as a whole."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        names = [str(item.get('id', i)) for i, item in enumerate(value)]
        return dict(zip(names, value, strict=True)) if len({*names}) == len(names) else None
    return None


def _shown(value: Any) -> Any:
    """What is told of a value that is not a part of all configs, or cannot be taken apart."""
    if value is MISSING:
        return None
    return value.get(TYPE_HINT, value) if isinstance(value, dict) else value


def _shortest_ends(paths: Sequence[Path]) -> list[str]:
    """For each path its last parts, as few as tell it from all the others, joined by dots."""
    ends = []
    for path in paths:
        others = [other for other in paths if other != path]
        length = next(
            n
            for n in range(1, len(path) + 1)
            if n == len(path) or not any(other[-n:] == path[-n:] for other in others)
        )
        ends.append('.'.join(path[-length:]))
    return ends
