"""Readable messages for values that a config class refuses."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.upgrade import TYPE_HINT

# Kinds of our own errors; their messages say what was given
UNKNOWN_FIELD = 'rv_unknown_field'
UNKNOWN_TYPE_HINT = 'rv_unknown_type_hint'
WRONG_FAMILY = 'rv_wrong_family'
MAX_VALUE_LENGTH = 100
SELF_EXPLAINING = frozenset(
    {UNKNOWN_FIELD, UNKNOWN_TYPE_HINT, WRONG_FAMILY, 'value_error', 'assertion_error'}
)


def explain(error: ValidationError, data: object, title: str) -> ConfigError:
    """Turn pydantic's error into one message that names each field, value and way out.

    Args:
        error: What pydantic raised.
        data: What was validated; tells names of fields from pydantic's names of union members.
        title: What the fields belong to, such as the name of the class.
    """
    problems = _relevant([_Problem(line, data) for line in error.errors(include_url=False)])
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    if len(lines) == 1:
        return ConfigError(f'{title}: {lines[0]}')
    listed = ''.join(f'\n  {line}' for line in lines)
    return ConfigError(f'{title} has {len(lines)} problems:{listed}')


def field_path(location: Sequence[str | int], data: object) -> str:
    """The path to a field as one would write it in Python, such as `scenes[0].uris`.

    Args:
        location: Keys and indices, between them pydantic's names of union members, which have no
            place in the path.
        data: What the location leads into.
    """
    path = ''
    for i, step in enumerate(location):
        inside, found = _descend(data, step)
        is_last = i == len(location) - 1
        if found:
            data = inside
        elif not (is_last and isinstance(data, Mapping | BaseModel)) or step == '[key]':
            continue
        path += f'[{step}]' if isinstance(step, int) else f'.{step}'
    return path.removeprefix('.')


def _descend(data: object, step: str | int) -> tuple[object, bool]:
    if isinstance(data, BaseModel) and isinstance(step, str) and step in type(data).model_fields:
        return getattr(data, step, None), True
    if isinstance(data, Mapping):
        for key in (step, str(step)):
            if key in data:
                return data[key], True
        return None, False
    if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
        return data[step], True
    return None, False


class _Problem:
    """One line of pydantic's error."""

    def __init__(self, line: Any, data: object) -> None:
        self.type: str = line['type']
        self.path = field_path(line['loc'], data)
        self.in_union = len(line['loc']) > self.path.count('.') + self.path.count('[') + 1
        self.input: object = line['input']
        cause = line.get('ctx', {}).get('error')
        self.message: str = str(cause) if isinstance(cause, Exception) else line['msg']

    def __str__(self) -> str:
        where = f'{self.path}: ' if self.path else ''
        text = self.message.removesuffix('.')
        if self.type == 'missing':
            return f'{where}this field is required and was not given.'
        if self.type in SELF_EXPLAINING:
            return f'{where}{text}' + ('' if text.endswith('?') else '.')
        value = repr(self.input)
        if len(value) > MAX_VALUE_LENGTH:
            value = f'{value[: MAX_VALUE_LENGTH - 3]}...'
        return f'{where}{text[:1].lower()}{text[1:]}; got {value}.'


def _relevant(problems: list[_Problem]) -> list[_Problem]:
    """Leave out what the members of a union say that the value was not meant for."""

    def beside_the_point(problem: _Problem) -> bool:
        if not problem.in_union:
            return False
        place = problem.path
        if problem.type == WRONG_FAMILY:
            place = place.removesuffix(f'.{TYPE_HINT}')
        return any(
            p.path.startswith((f'{place}.', f'{place}['))
            for p in problems
            if p.path != problem.path and p.type != WRONG_FAMILY
        )

    kept = [p for p in problems if not beside_the_point(p)]
    return kept or problems
