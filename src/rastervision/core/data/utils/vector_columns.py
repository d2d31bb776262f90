"""Columns of properties: the kind of their values, and their values as that kind."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import DataError
from rastervision.pipeline.json_text import encode

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""Properties by name: a value for each geometry."""

Kind: TypeAlias = Literal['bool', 'int', 'float', 'text']
"""What a column of a table holds; values that are neither numbers nor text are JSON text in it."""

Masked: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_]]
"""(N,) values, and where they are missing."""

_NUMBERS: tuple[Kind, ...] = ('bool', 'int', 'float')  # each holds those before it
_KINDS: dict[type, Kind] = {bool: 'bool', int: 'int', float: 'float'}
_MISSING: dict[Kind, Any] = {'bool': False, 'int': 0, 'float': np.nan}
_INT64 = np.iinfo(np.int64)


def plain(column: Sequence[Any]) -> list[Any]:
    """Values of a column as Python's own, not NumPy's."""
    if isinstance(column, np.ndarray):
        return column.tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in column]


def kind_of(values: Sequence[Any]) -> Kind | None:
    """The narrowest kind that holds plain values; None where all are missing."""
    types = {*map(type, values)} - {type(None)}
    if not types:
        return None
    if not types <= _KINDS.keys():
        return 'text'
    kind = _NUMBERS[max(_NUMBERS.index(_KINDS[type_]) for type_ in types)]
    if kind == 'int':
        known = [value for value in values if value is not None]
        if min(known) < _INT64.min or max(known) > _INT64.max:
            return 'text'
    return kind


def check_kinds(columns: Columns, kinds: Mapping[str, Kind], origin: str) -> None:
    """Refuse plain values that the columns of a table do not hold.

    Raises:
        DataError: there are some, or other columns.
    """
    if columns.keys() != kinds.keys():
        raise DataError(
            f'{origin} has the columns {sorted(kinds)}, but got features with {sorted(columns)}.'
        )
    for name, values in columns.items():
        kind, found = kinds[name], kind_of(values)
        holds = _NUMBERS[: _NUMBERS.index(kind) + 1] if kind in _NUMBERS else (kind,)
        if found is not None and found not in holds:
            raise DataError(
                f'{origin}: the column {name!r} holds values of the type {kind} by its first '
                f'features, but later ones are of the type {found}. Give all features at once '
                '(write_features), or values of one type.'
            )


def as_array(values: Sequence[Any], kind: Kind) -> Masked:
    """Plain values as an array of a kind, and where they are missing."""
    missing = np.array([value is None for value in values], dtype=bool)
    if kind == 'text':
        texts = [v if v is None or isinstance(v, str) else encode(v) for v in values]
        return np.array(texts, dtype=object), missing
    known = [_MISSING[kind] if value is None else value for value in values]
    dtype = {'bool': bool, 'int': np.int64, 'float': np.float64}[kind]
    return np.array(known, dtype=dtype), missing


def free_name(name: str, taken: Iterable[str]) -> str:
    """A name that no column has, in any case of letters."""
    lower = {other.lower() for other in taken}
    while name in lower:
        name += '_'
    return name
