"""Every method and function of release 0.31 takes the arguments that it took."""

import ast
import json
import re
from collections.abc import Collection
from fnmatch import fnmatch
from importlib import import_module
from importlib.util import find_spec
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
API = json.loads((HERE / 'data' / 'api-0.31.json').read_text())
LEFT_OUT = json.loads((HERE / 'left_out.json').read_text())
NO_DEFAULT = object()
VARIABLE = {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}


def is_left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in LEFT_OUT)


def find(module: str, name: str) -> Any:
    """What a name stands for: that of a package that exports it, else that of its module."""
    exporting = [p for p, names in API['public'].items() if name in names]
    within = [p for p in exporting if module.startswith(p)] or exporting or [module]
    return getattr(import_module(max(within, key=len)), name)


def parse(text: str) -> ast.arguments:
    """The arguments in a signature as text, without annotations that are no Python."""
    text = re.sub(r'<(?:function|class) \'?([\w.]+)\'?>', r'\1', text)
    text = re.sub(r'<[\w.]+: ([^>]+)>', r'\1', text)
    function = ast.parse(f'def f{text}: pass').body[0]
    assert isinstance(function, ast.FunctionDef)
    return function.args


def default_of(node: ast.expr | None) -> Any:
    if node is None:
        return NO_DEFAULT
    try:
        return plain(ast.literal_eval(node))
    except ValueError:  # a class, by its full name
        return ast.unparse(node)


def plain(value: Any) -> Any:
    """A default in a form that can be compared; what is empty is the same as None."""
    if value is Parameter.empty:
        return NO_DEFAULT
    if isinstance(value, slice | np.dtype | type):
        return str(value) if isinstance(value, slice) else f'numpy.{np.dtype(value).name}'
    value = getattr(value, 'value', value)  # an enum member
    if value is None or (isinstance(value, str | Collection) and not value):
        return None
    return list(value) if isinstance(value, tuple) else value


def their_arguments(text: str, bound: bool) -> tuple[list[Parameter], set[str]]:
    """Parameters of a signature as text, and names of its * and ** arguments.

    Args:
        text: The signature.
        bound: Whether to leave out the first parameter, self or cls.
    """
    args = parse(text)
    positional = [*args.posonlyargs, *args.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    pairs = [
        (arg.arg, Parameter.POSITIONAL_OR_KEYWORD, default)
        for arg, default in zip(positional, [*padding, *args.defaults], strict=True)
    ][bound:]
    pairs += [
        (arg.arg, Parameter.KEYWORD_ONLY, default)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    parameters = [Parameter(name, kind, default=default_of(node)) for name, kind, node in pairs]
    return parameters, {arg.arg for arg in (args.vararg, args.kwarg) if arg is not None}


def problems(function: Any, text: str, kind: str) -> list[str]:
    """What callers of the release would stumble over; each begins with the name of an argument."""
    theirs, variable = their_arguments(text, bound=kind in {'method', 'classmethod'})
    ours = list(signature(function).parameters.values())[kind == 'method' :]
    by_name = {p.name: p for p in ours}
    kinds = {p.kind for p in ours}
    if kinds >= {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:  # they are passed on
        return []
    found = []
    for place, their in enumerate(theirs):
        our = by_name.get(their.name)
        if our is None or our.kind is Parameter.POSITIONAL_ONLY:
            found.append(f'{their.name} is missing')
            continue
        if their.kind is Parameter.POSITIONAL_OR_KEYWORD and ours.index(our) != place:
            found.append(f'{their.name} is not argument {place}')
        if their.default is not NO_DEFAULT and plain(our.default) != their.default:
            found.append(f'{their.name} is {our.default!r} by default, not {their.default!r}')
    known = {p.name for p in theirs}
    found += [
        f'{p.name} is required'
        for p in ours
        if p.name not in known and p.default is Parameter.empty and p.kind not in VARIABLE
    ]
    return found + [f'{name} is not taken' for name in variable if not kinds & VARIABLE]


def methods() -> list[Any]:
    return [
        pytest.param(item['module'], cls, name, text, id=f'{cls}.{name}')
        for key, item in API['items'].items()
        if '::' not in key and not is_left_out(key)
        for cls in [key.rpartition('.')[2]]
        for name, text in item['methods'].items()
        if not is_left_out(f'{cls}.{name}')
    ]


@pytest.mark.parametrize(('module', 'cls', 'name', 'text'), methods())
def test_methods(module, cls, name, text):
    kind, parenthesis, rest = text.partition('(')
    owner = find(module, cls)
    if not parenthesis:  # a property, or an attribute that instances have
        assert hasattr(owner, name) or name in getattr(owner, 'model_fields', {})
        return
    found = problems(getattr(owner, name), f'({rest}', kind)
    assert [p for p in found if not is_left_out(f'{cls}.{name}({p.split()[0]})')] == []


def functions() -> list[Any]:
    """Functions that a package shows, or of modules that are still there."""
    shown = {name for names in API['public'].values() for name in names}
    return [
        pytest.param(module, name, text, id=f'{module}.{name}')
        for key, item in API['items'].items()
        if key.endswith('::functions')
        for module in [key.partition('::')[0]]
        for name, text in item.items()
        if not is_left_out(f'{module}.{name}') and (name in shown or exists(module))
    ]


def exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


@pytest.mark.parametrize(('module', 'name', 'text'), functions())
def test_functions(module, name, text):
    found = problems(find(module, name), text, 'function')
    assert [p for p in found if not is_left_out(f'{name}({p.split()[0]})')] == []
