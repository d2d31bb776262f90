"""Every method and function of release 0.31 takes the arguments that it took."""

import ast
import json
import re
from fnmatch import fnmatch
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
API = json.loads((HERE / 'data' / 'api-0.31.json').read_text())
LEFT_OUT = json.loads((HERE / 'left_out.json').read_text())
NO_DEFAULT = object()


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
    """A default in a form that can be compared; empty collections and None are the same."""
    if isinstance(value, np.dtype | type):
        return f'numpy.{np.dtype(value).name}' if value is not Parameter.empty else NO_DEFAULT
    value = getattr(value, 'value', value)  # an enum member
    if value is None or (isinstance(value, dict | list | tuple | set | frozenset) and not value):
        return None
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def problems(function: Any, theirs: str, kind: str) -> list[str]:
    """What callers of the release would stumble over."""
    args = parse(theirs)
    ours = list(signature(function).parameters.values())
    positional = [*args.posonlyargs, *args.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    defaults = [*padding, *args.defaults]
    if kind == 'method':
        ours = ours[1:]
    if kind in {'method', 'classmethod'}:
        positional, defaults = positional[1:], defaults[1:]
    by_name = {p.name: p for p in ours}
    takes = {p.kind for p in ours}
    in_order = [
        p.name
        for p in ours
        if p.kind in {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
    ]
    found = []
    for place, (arg, default) in enumerate(
        zip([*positional, *args.kwonlyargs], [*defaults, *args.kw_defaults], strict=True)
    ):
        name = arg.arg
        is_positional = place < len(positional)
        if name not in by_name:
            if not (Parameter.VAR_KEYWORD in takes and default is not None):
                found.append(f'{name} is missing')
            continue
        if (
            is_positional
            and Parameter.VAR_POSITIONAL not in takes
            and in_order[place:][:1] != [name]
        ):
            found.append(f'{name} is not argument {place}')
        if by_name[name].kind is Parameter.POSITIONAL_ONLY:
            found.append(f'{name} cannot be given by name')
        ours_default, their_default = plain(by_name[name].default), default_of(default)
        if their_default is not NO_DEFAULT and ours_default != their_default:
            found.append(f'{name} is {ours_default!r} by default, not {their_default!r}')
    known = {arg.arg for arg in [*positional, *args.kwonlyargs]}
    variable = {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    found += [
        f'{p.name} is required'
        for p in ours
        if p.name not in known and p.default is Parameter.empty and p.kind not in variable
    ]
    if args.vararg and Parameter.VAR_POSITIONAL not in takes:
        found.append('takes no further positional arguments')
    if args.kwarg and Parameter.VAR_KEYWORD not in takes:
        found.append('takes no further keyword arguments')
    return found


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
    return [
        pytest.param(module, name, text, id=f'{module}.{name}')
        for key, item in API['items'].items()
        if key.endswith('::functions')
        for module in [key.partition('::')[0]]
        for name, text in item.items()
        if not is_left_out(f'{module}.{name}')
    ]


@pytest.mark.parametrize(('module', 'name', 'text'), functions())
def test_functions(module, name, text):
    found = problems(find(module, name), text, 'function')
    assert [p for p in found if not is_left_out(f'{name}({p.split()[0]})')] == []
