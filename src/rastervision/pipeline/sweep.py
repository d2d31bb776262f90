"""Sweeps: lists of values for parameters of `get_config` give experiments side by side."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from rastervision.pipeline.config_args import annotated_kinds, convert
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.utils import is_local
from rastervision.pipeline.fingerprint import digest

ROOT = 'root_uri'
LONGEST_NAME = 40


class Values(tuple[str, ...]):
    """Texts for a parameter that was given several times."""

    __slots__ = ()


def gather_args(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Names and texts of a command line as arguments; those with several texts as `Values`.

    Raises:
        ConfigError: There are several root URIs.
    """
    args: dict[str, Any] = {}
    for name, text in pairs:
        args[name] = Values((*args.get(name, ()), text))
    if len(args.get(ROOT, ())) > 1:
        raise ConfigError(
            f'-a {ROOT} is given {len(args[ROOT])} times; give it once: experiments of a sweep '
            f'have folders below it.'
        )
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in args.items()}


def combinations(
    function: Callable[..., Any], args: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each combination of the values that arguments have.

    An argument has several values if it is given several times, or if it is a text with commas
    which the annotated type does not take as a whole, while it takes each part.

    Args:
        function: What takes the arguments.
        args: Name of a parameter -> text, `Values`, or a value of another type.

    Yields:
        A name made of what differs, such as 'lr=0.001', '' if nothing does; and the arguments.
    """
    kinds = annotated_kinds(function)
    swept = {name: _values(value, kinds.get(name)) for name, value in args.items()}
    swept = {name: labels for name, labels in swept.items() if labels}
    for choice in product(*(labels.items() for labels in swept.values())):
        chosen = dict(zip(swept, choice, strict=True))
        folder = ','.join(f'{name}={label}' for name, (label, _) in chosen.items())
        yield folder, {**args, **{name: text for name, (_, text) in chosen.items()}}


def below(root: str | Path, folder: str) -> str | Path:
    """A folder below a local path or a URI, of the same type."""
    if isinstance(root, Path):
        return root / folder
    return str(to_path(root) / folder) if is_local(root) else f'{root.rstrip("/")}/{folder}'


def place_below(arguments: dict[str, Any], folder: str) -> bool:
    """Move a root URI among arguments to a folder below it; whether there is one."""
    root = arguments.get(ROOT)
    if not folder or not isinstance(root, str | Path) or not str(root):
        return False
    arguments[ROOT] = below(root, folder)
    return True


def _values(value: Any, kind: Any) -> dict[str, str]:
    """Labels and texts of several values; nothing if there is one."""
    if isinstance(value, Values):
        texts = [text.strip() for text in value]
    elif isinstance(value, str) and ',' in value and kind is not None and not _fits(value, kind):
        texts = [text.strip() for text in value.split(',')]
        if not all(_fits(text, kind) for text in texts):
            return {}
    else:
        return {}
    return {_label(text, kind): text for text in texts}


def _fits(text: str, kind: Any) -> bool:
    try:
        convert(text, kind)
    except ValueError:
        return False
    return True


def _label(text: str, kind: Any) -> str:
    """What a value is called in the name of a folder; the same for '1e-3' and '0.001'."""
    if kind is not None and _fits(text, kind):
        value = convert(text, kind)
        if isinstance(value, int | float):
            text = str(value)
    clean = re.sub(r'[^\w.+-]+', '-', text)
    if clean == text and 0 < len(text) <= LONGEST_NAME and not text.endswith('.'):
        return text
    return f'{clean[:LONGEST_NAME]}-{digest(text)[:6]}'
