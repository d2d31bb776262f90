"""The import paths, config fields and defaults of release 0.31.

`data/api_0_31.json` was read off that release: the classes that each package exports, and the
fields of each config with their defaults (as JSON, where they have such a form).
"""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_core import to_jsonable_python

from rastervision.pipeline import registry_
from rastervision.pipeline.errors import RegistryError

API = json.loads((Path(__file__).parent / 'data' / 'api_0_31.json').read_text())

NOT_YET = re.compile(
    'ChipClassification|Classification(?!Eval)|ObjectDetection|Regression|Xarray|STAC|MultiRaster'
    '|BoxList|Coco|ONNX|DDP|TorchVisionOD|SplitTensor|AddTensors|Parallel'
)
"""Names that belong to other tasks, other sources or other engines than those that exist so far."""

HUBS = ('rastervision.core.data', 'rastervision.core.rv_pipeline', 'rastervision.pipeline.errors')
"""Where the names are that the packages below `core.data` showed only because they used them."""


@pytest.mark.parametrize('package', API['exports'])
def test_packages_export_their_classes(package):
    module = import_module(package)
    hubs = [import_module(hub) for hub in HUBS] if package.startswith(f'{HUBS[0]}.') else []
    missing = {
        name
        for name in API['exports'][package]
        if not any(hasattr(place, name) for place in (module, *hubs))
    }
    assert {name for name in missing if not NOT_YET.search(name)} == set()


def known_configs():
    registry_.load_builtins()
    return sorted(hint for hint in API['configs'] if hint in registry_.configs)


@pytest.mark.parametrize('hint', known_configs())
def test_configs_have_their_fields_and_defaults(hint):
    cls = registry_.get_config(hint)
    assert cls.__name__ == API['configs'][hint]['class']
    for name, theirs in API['configs'][hint]['fields'].items():
        field = cls.model_fields[name]
        assert field.is_required() == theirs.get('required', False), name
        if 'default' in theirs:
            default = to_jsonable_python(field.get_default(call_default_factory=True))
            assert default == theirs['default'], name


def test_configs_that_are_missing_are_of_what_does_not_exist_yet():
    missing = set(API['configs']) - set(known_configs())
    assert {h for h in missing if not NOT_YET.search(API['configs'][h]['class'])} == set()


def test_plugin_versions():
    known_configs()
    expected = {'core': 14, 'pipeline': 0, 'pytorch_backend': 2, 'pytorch_learner': 7}
    for name, version in expected.items():
        assert registry_.get_plugin_version(f'rastervision.{name}') == version


def test_unknown_tasks_are_named():
    with pytest.raises(RegistryError, match='no_such_task'):
        registry_.get_config('no_such_task')
