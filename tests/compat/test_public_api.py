"""Every name, config field, default, enum member and type hint of release 0.31.

`data/api-0.31.json` was read off that release, and `data/star-0.31.json` says which names
`import *` takes from packages that limit it. What is left out on purpose stands in
`left_out.json`, with a reason each.
"""

import ast
import json
import re
from collections import Counter
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_jsonable_python

from rastervision.pipeline import registry_
from rastervision.pipeline.config import Config
from rastervision.pipeline.lazy import sparing_imports

HERE = Path(__file__).parent
API = json.loads((HERE / 'data' / 'api-0.31.json').read_text())
ITEMS = {key: item for key, item in API['items'].items() if '::' not in key}
STAR = json.loads((HERE / 'data' / 'star-0.31.json').read_text())
LEFT_OUT = json.loads((HERE / 'left_out.json').read_text())

OF_ITS_OWN = {'register_plugin', 'progressbar'}
"""Names that stood for different things in different packages."""


def is_left_out(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in LEFT_OUT)


def find(name: str) -> Any:
    """What a name stands for: that of a package that exports it, else that of its module."""
    module, _, attribute = name.rpartition('.')
    exporting = [p for p, names in API['public'].items() if attribute in names]
    within = [p for p in exporting if module.startswith(p)] or exporting or [module]
    return getattr(import_module(max(within, key=len)), attribute)


def of_kind(kind: str) -> list[str]:
    return [key for key, item in ITEMS.items() if item['kind'] == kind and not is_left_out(key)]


def literal(text: str) -> Any:
    """The value that a default was shown as: enum members as values, configs as dictionaries."""
    tree = ast.parse(re.sub(r'<[\w.]+: ([^>]+)>', r'\1', text), mode='eval')
    return _value(tree.body)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        return {k.arg: _value(k.value) for k in node.keywords}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {ast.literal_eval(key): _value(value) for key, value in pairs}
    return ast.literal_eval(node)


def jsonable(value: Any) -> Any:
    if isinstance(value, Config):
        return {name: jsonable(getattr(value, name)) for name in type(value).model_fields}
    return to_jsonable_python(value)


@pytest.mark.parametrize('package', [p for p in API['public'] if not is_left_out(p)])
def test_packages_have_their_names(package):
    module = import_module(package)
    names = [name for name in API['public'][package] if not is_left_out(f'{package}.{name}')]
    assert {name for name in names if not hasattr(module, name)} == set()
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize('package', [p for p in API['public'] if not is_left_out(p)])
def test_import_star_takes_them(package):
    names = set(STAR.get(package, API['public'][package])) - {'register_plugin'}
    expected = {name for name in names if not is_left_out(f'{package}.{name}')}
    assert expected - set(import_module(package).__all__) == set()


CONFIG_FILE = """
from rastervision.core.data import *
from rastervision.core.utils import *

def get_config(runner, uri):
    scene = make_ss_scene(image_uri=uri, label_vector_uri=listify_uris(uri)[0])
    return download_if_needed(uri), color_to_triple('red'), ensure_tuple(scene.extent.height)
"""


def test_config_files_find_what_they_use_by_import_star(tmp_path):
    """What it takes is asked for by name, without the modules of all other names."""
    path = tmp_path / 'config.py'
    path.write_text(CONFIG_FILE)
    names = {'__file__': str(path)}
    with sparing_imports(str(path)):
        exec(compile(CONFIG_FILE, path, 'exec'), names)  # our own code
    used = {
        'make_ss_scene',
        'listify_uris',
        'download_if_needed',
        'color_to_triple',
        'ensure_tuple',
    }
    assert used <= names.keys()
    assert 'RasterioSourceConfig' in names
    assert {'read_window', 'geojson_to_geodataframe', 'parse_stac'}.isdisjoint(names)


def shared_names() -> list[str]:
    packages = (names for package, names in API['public'].items() if not is_left_out(package))
    counts = Counter(name for names in packages for name in names)
    return sorted(name for name, n in counts.items() if n > 1 and name not in OF_ITS_OWN)


@pytest.mark.parametrize('name', shared_names())
def test_a_name_is_the_same_thing_in_every_package(name):
    packages = [
        package
        for package, names in API['public'].items()
        if name in names and not is_left_out(package) and not is_left_out(f'{package}.{name}')
    ]
    assert len({id(getattr(import_module(package), name)) for package in packages}) <= 1


@pytest.mark.parametrize('key', of_kind('enum'))
def test_enums_have_their_members(key):
    members = {member.name: member.value for member in find(key)}
    assert ITEMS[key]['members'].items() <= members.items()


@pytest.mark.parametrize('key', of_kind('config'))
def test_configs_have_their_fields_and_defaults(key):
    cls = find(key)
    name = cls.__name__
    for field, theirs in ITEMS[key]['fields'].items():
        if is_left_out(f'{name}.{field}'):
            continue
        if field == 'type_hint':
            assert cls.type_hint == literal(theirs['default'])
            assert registry_.get_config(cls.type_hint) is cls
            continue
        ours = cls.model_fields[field]
        assert ours.is_required() == (theirs['default'] == 'required'), field
        if not ours.is_required():
            default = jsonable(ours.get_default(call_default_factory=True))
            assert default == jsonable(literal(theirs['default'])), field


@pytest.mark.parametrize('key', of_kind('config'))
def test_what_release_0_31_did_not_require_is_not_required(key):
    new = find(key).model_fields.keys() - ITEMS[key]['fields'].keys()
    assert {name for name in new if find(key).model_fields[name].is_required()} == set()


def test_plugin_versions():
    registry_.load_builtins()
    expected = {'core': 14, 'pipeline': 0, 'pytorch_backend': 2, 'pytorch_learner': 7}
    expected |= {'aws_batch': 0, 'aws_s3': 0}
    for name, version in expected.items():
        assert registry_.get_plugin_version(f'rastervision.{name}') == version


def everything() -> set[str]:
    """Every name that `left_out.json` may leave out."""
    names = {*API['public'], *API['items']}
    names |= {f'{package}.{name}' for package, names in API['public'].items() for name in names}
    for key, item in API['items'].items():
        module, _, cls = key.partition('::') if '::' in key else ('', '', key.rpartition('.')[2])
        parts = item if module else {**item.get('fields', {}), **item['methods']}
        names |= {f'{module or cls}.{part}' for part in parts}
    return names


def test_what_is_left_out_is_known_by_these_names():
    known = everything()
    arguments = {pattern for pattern in LEFT_OUT if pattern.endswith(')')}
    for pattern in LEFT_OUT.keys() - arguments:
        assert any(fnmatch(name, pattern) for name in known), pattern
    assert all(len(reason.split()) > 3 for reason in LEFT_OUT.values())
