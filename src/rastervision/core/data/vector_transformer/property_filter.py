"""Filters on the properties of features, in Mapbox's JSON notation.

``["all", ["==", "type", "house"], [">", "height", 3]]`` is true for features whose property
`type` is "house" and whose `height` is a number above 3. Operators: ``==``, ``!=``, ``<``,
``<=``, ``>``, ``>=`` (key, value); ``in``, ``!in`` (key, values ...); ``has``, ``!has`` (key);
``all``, ``any``, ``none`` (filters ...). The key ``$type`` is the geometry's type: Point,
LineString or Polygon. A comparison with a missing property or with one of another type is false
(``!=`` and ``!in`` are true). A missing property equals null: tables of vector files do not tell
one from the other.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rastervision.pipeline.errors import ConfigError

Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    '<': operator.lt,
    '<=': operator.le,
    '>': operator.gt,
    '>=': operator.ge,
}
OPERATORS = ('==', '!=', *_ORDER, 'in', '!in', 'has', '!has', 'all', 'any', 'none')


def compile_filter(expression: Any) -> Predicate:
    """Turn a filter into a function of a feature's properties.

    Args:
        expression: the filter; None and an empty list hold for every feature.

    Returns:
        A function of a mapping of properties, which should hold the geometry's type as
        ``$type``.

    Raises:
        ConfigError: the filter is malformed; the message shows the part at fault.
    """
    if expression is None or expression == []:
        return lambda _: True
    if not _is_list(expression) or expression[0] not in OPERATORS:
        raise ConfigError(
            f'The filter {expression!r} must be a list that starts with one of '
            f'{", ".join(OPERATORS)}.'
        )
    op, *args = expression
    if op in {'all', 'any', 'none'}:
        return _combination(op, [compile_filter(arg) for arg in args])
    if not args or not isinstance(args[0], str):
        raise ConfigError(f'The filter {expression!r} needs the name of a property after {op!r}.')
    key, *values = args
    if op in {'has', '!has'}:
        _check_count(expression, values, 0)
        return (lambda p: key in p) if op == 'has' else (lambda p: key not in p)
    if op in {'in', '!in'}:
        among = [_typed(value) for value in values]
        if op == 'in':
            return lambda p: key in p and _typed(p[key]) in among
        return lambda p: key not in p or _typed(p[key]) not in among
    _check_count(expression, values, 1)
    return _comparison(op, key, values[0])


def create_filter(filt: Any) -> Predicate:
    """Turn a filter into a function of a GeoJSON feature.

    Raises:
        ConfigError: the filter is malformed.
    """
    holds = compile_filter(filt)

    def takes(feature: Mapping[str, Any]) -> bool:
        kind = (feature.get('geometry') or {}).get('type', '').removeprefix('Multi')
        return holds({**(feature.get('properties') or {}), '$type': kind})

    return takes


def _combination(op: str, parts: Sequence[Predicate]) -> Predicate:
    if op == 'all':
        return lambda p: all(part(p) for part in parts)
    if op == 'any':
        return lambda p: any(part(p) for part in parts)
    return lambda p: not any(part(p) for part in parts)


def _comparison(op: str, key: str, value: Any) -> Predicate:
    if op in {'==', '!='}:
        if value is None:
            return lambda p: (p.get(key) is None) == (op == '==')
        wanted = _typed(value)
        if op == '==':
            return lambda p: key in p and _typed(p[key]) == wanted
        return lambda p: key not in p or _typed(p[key]) != wanted
    compare, kind = _ORDER[op], _kind(value)
    return lambda p: key in p and _kind(p[key]) == kind != '' and compare(p[key], value)


def _kind(value: Any) -> str:
    """What an ordered comparison can compare: numbers with numbers, strings with strings."""
    if isinstance(value, str):
        return 'string'
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return 'number' if is_number else ''


def _typed(value: Any) -> tuple[str, Any]:
    """A value that equals only values of its own type: 1 is not true, but 1 is 1.0."""
    return (_kind(value) or type(value).__name__, value)


def _is_list(expression: Any) -> bool:
    return isinstance(expression, (list, tuple)) and bool(expression)


def _check_count(expression: Any, values: Sequence[Any], count: int) -> None:
    if len(values) != count:
        raise ConfigError(
            f'The filter {expression!r} must have {count + 2} items, but has {len(expression)}.'
        )
