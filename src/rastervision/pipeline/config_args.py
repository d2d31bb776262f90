"""Arguments of `get_config` that come as text: `-a KEY VALUE`, converted to the annotated type."""

import inspect
import json
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from rastervision.pipeline.errors import ConfigError, did_you_mean
from rastervision.pipeline.setting_values import parse_bool

RUNNER_NAMES = ('runner', '_runner', '_')
"""Names of the parameter that takes the name of the runner."""
_NONE_WORDS = frozenset({'none', 'null', ''})
_CONTAINERS: dict[Any, Any] = {
    **{kind: kind for kind in (list, tuple, set, frozenset)},
    **dict.fromkeys((Sequence, Collection, Iterable), list),
}
"""Types that take several values -> what is built for them."""


def bind_args(
    function: Callable[..., Any], runner: str | None, args: Mapping[str, Any], where: str
) -> inspect.BoundArguments:
    """Match texts to the parameters of a function.

    Args:
        function: What is to be called.
        runner: Name of the runner, for the parameter of that name.
        args: Name of a parameter -> text to convert, or a value of another type to pass on.
        where: What to call the function in messages.

    Raises:
        ConfigError: A name is not known, a required parameter is missing, or a text cannot be
            converted.
    """
    signature = inspect.signature(function)
    kinds = annotated_kinds(function)
    parameters = {
        name: parameter
        for name, parameter in signature.parameters.items()
        if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    }
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name in RUNNER_NAMES:
        if name in parameters and name not in args:
            values[name] = runner
            break
    valid = {name: p for name, p in parameters.items() if name not in values}
    for name, value in args.items():
        if name in valid:
            values[name] = _argument(value, kinds[name], f'{where}: {name}')
        elif open_ended:
            extra[name] = _argument(value, inspect.Parameter.empty, f'{where}: {name}')
        else:
            raise ConfigError(
                f'{where} has no parameter {name!r}.{did_you_mean(name, valid)} '
                f'{_list_parameters(valid)}'
            )
    missing = [n for n, p in valid.items() if p.default is p.empty and n not in values]
    if missing:
        options = ' '.join(f'-a {name} VALUE' for name in missing)
        raise ConfigError(
            f'{where} needs a value for {", ".join(missing)}; add {options}. '
            f'{_list_parameters(valid)}'
        )
    return _bound(signature, values, extra)


def annotated_kinds(function: Callable[..., Any]) -> dict[str, Any]:
    """What each parameter takes: its annotation, or else the type of its default; see `convert`."""
    hints = _hints(function)
    parameters = inspect.signature(function).parameters
    return {n: hints.get(n, _kind_of_default(p.default)) for n, p in parameters.items()}


def convert(text: str, kind: Any) -> Any:
    """Convert a text to a type.

    Args:
        text: The text.
        kind: A type or annotation: bool, int, float, str, Path and what else pydantic knows;
            Optional and unions (the first member that fits, str last); Literal; enumerations by
            value or name; lists, tuples and sets written as JSON or separated by commas;
            dictionaries as JSON. `inspect.Parameter.empty` turns true and false into a bool and
            leaves the rest as it is.

    Raises:
        ValueError: It is not such a value; the message says what is expected.
    """
    origin = get_origin(kind) or kind
    if origin is Annotated:
        result = _by_pydantic(convert(text, get_args(kind)[0]), kind, is_text=False)
    elif origin is inspect.Parameter.empty:
        result = {'true': True, 'false': False}.get(text.lower(), text)
    elif origin is bool:
        result = parse_bool(text)
    elif origin in {Union, types.UnionType}:
        result = _convert_union(text, get_args(kind))
    elif origin is Literal:
        result = _pick(text, {str(value): value for value in get_args(kind)})
    elif isinstance(kind, type) and issubclass(kind, Enum):
        names = {member.name: member for member in kind}
        result = _pick(text, {**names, **{str(member.value): member for member in kind}})
    elif origin in _CONTAINERS:
        result = _convert_items(text, _CONTAINERS[origin], get_args(kind))
    else:
        result = text if origin in {str, Any} else _by_pydantic(text, kind)
    return result


def _argument(value: Any, kind: Any, where: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return convert(value, kind)
    except ValueError as error:
        raise ConfigError(f'{where} should be {_describe(kind)}, got {value!r}: {error}') from error


def _convert_union(text: str, members: Collection[Any]) -> Any:
    if type(None) in members and text.lower() in _NONE_WORDS:
        return None
    rest = [member for member in members if member is not type(None)]
    for member in sorted(rest, key=lambda member: member is str):
        try:
            return convert(text, member)
        except ValueError as error:
            last = error
    raise ValueError(str(last)) if len(rest) == 1 else ValueError('it is none of these')


def _pick(text: str, options: Mapping[str, Any]) -> Any:
    if text in options:
        return options[text]
    raise ValueError(f'use one of {", ".join(options)}')


def _convert_items(text: str, build: Any, item_types: tuple[Any, ...]) -> Any:
    if re.match(r'\s*\[', text):
        try:
            parsed = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f'it is not a JSON list ({error})') from None
        items = [item if isinstance(item, str) else json.dumps(item) for item in parsed]
    else:
        items = [item.strip() for item in text.split(',')] if text.strip() else []
    if build is tuple and item_types and item_types[-1] is not Ellipsis:
        if len(items) != len(item_types):
            raise ValueError(f'it needs {len(item_types)} values')
        kinds = item_types
    else:
        kinds = (item_types[0] if item_types else inspect.Parameter.empty,) * len(items)
    return build(convert(item, kind) for item, kind in zip(items, kinds, strict=True))


def _by_pydantic(value: Any, kind: Any, *, is_text: bool = True) -> Any:
    """Convert a text, or check a value that is converted already against its constraints."""
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        adapter = TypeAdapter(kind)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return value  # a class of the user's own, which takes what it takes
    try:
        if not is_text:
            return adapter.validate_python(value)
        if value.lstrip().startswith(('{', '[')):
            return adapter.validate_json(value)
        return adapter.validate_strings(value)
    except ValidationError as error:
        message = error.errors()[0]['msg']
        raise ValueError(message[0].lower() + message[1:]) from None


def _kind_of_default(default: Any) -> Any:
    """What an unannotated parameter takes, by its default."""
    empty = inspect.Parameter.empty
    if isinstance(default, bool | Enum | dict):
        return type(default)
    if isinstance(default, int):
        return int | float
    if isinstance(default, float):
        return float
    if isinstance(default, list | tuple):
        kinds = {type(item) for item in default}
        kind: Any = kinds.pop() if len(kinds) == 1 else empty
        return list[kind] if isinstance(default, list) else tuple[kind, ...]
    return empty


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations, those written as text resolved; without the ones that cannot be."""
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        hints = getattr(function, '__annotations__', {})
        return {name: hint for name, hint in hints.items() if not isinstance(hint, str)}


def _bound(
    signature: inspect.Signature, values: dict[str, Any], extra: dict[str, Any]
) -> inspect.BoundArguments:
    arguments: dict[str, Any] = {n: values[n] for n in signature.parameters if n in values}
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments[name] = extra
    bound = inspect.BoundArguments(signature, arguments)
    bound.apply_defaults()
    return bound


def _describe(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _describe(get_args(kind)[0])
    if kind is inspect.Parameter.empty:
        return 'a value'
    return kind.__name__ if isinstance(kind, type) else str(kind).replace('typing.', '')


def _list_parameters(parameters: Mapping[str, inspect.Parameter]) -> str:
    if not parameters:
        return 'It takes no -a at all.'
    texts = [
        f'{name} (required)' if p.default is p.empty else f'{name} (default {p.default!r})'
        for name, p in parameters.items()
    ]
    return f'Its parameters are: {", ".join(texts)}.'
