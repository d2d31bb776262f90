"""Which source files stand for the code of third parties."""

import importlib
import sys
from hashlib import sha256
from types import ModuleType

import pytest

from rastervision.pipeline import registry_
from rastervision.pipeline.code_files import code_digests, is_builtin
from rastervision.pipeline.pipeline import PipelineConfig
from rastervision.pipeline.plugins import load_file

FILES = {
    'shop/__init__.py': '',
    'shop/configs.py': (
        'from rastervision.pipeline.config import register_config\n'
        'from rastervision.pipeline.pipeline import PipelineConfig\n'
        'from shop.models import net\nfrom . import tools\n'
        '@register_config("test_shop")\n'
        'class ShopConfig(PipelineConfig):\n'
        '    def build(self, tmp_dir):\n        from .late import later\n        return later()\n'
    ),
    'shop/models/__init__.py': 'from .net import Net\n',
    'shop/models/net.py': 'import json\nclass Net: ...\n',
    'shop/tools.py': 'import helper\n',
    'shop/late.py': 'def later(): ...\n',
    'shop/unused.py': '',
    'helper.py': '',
}
USED = {'shop/__init__.py', 'shop/configs.py', 'shop/models/__init__.py', 'shop/models/net.py'} | {
    'shop/tools.py',
    'shop/late.py',
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module('shop.configs').ShopConfig
    registry_.configs.pop('test_shop')
    for name in [n for n in sys.modules if n.partition('.')[0] in {'shop', 'helper'}]:
        del sys.modules[name]


def test_a_class_stands_for_what_its_file_imports_from_the_same_package(shop):
    assert set(code_digests([shop])) == USED


@pytest.mark.parametrize('name', sorted(FILES))
def test_digests_change_with_the_files_that_are_used(shop, tmp_path, name):
    before = code_digests([shop])
    with (tmp_path / name).open('a') as file:
        file.write('# more\n')
    after = code_digests([shop])
    changed = {n for n in before if before[n] != after[n]}
    assert changed == ({name} if name in USED else set())


def test_code_that_was_edited_after_its_import_is_not_known(shop, tmp_path):
    """What runs is what was imported; files without config classes: as they were first seen."""
    configs, tools = tmp_path / 'shop/configs.py', tmp_path / 'shop/tools.py'
    text = configs.read_text()
    configs.write_text(f'{text}# more\n')
    first = code_digests([shop])
    assert {name for name, digest in first.items() if digest is None} == {'shop/configs.py'}
    tools.write_text('# else\n')
    assert code_digests([shop]) == {**first, 'shop/tools.py': None}
    configs.write_text(text)
    assert code_digests([shop])['shop/configs.py'] == sha256(configs.read_bytes()).hexdigest()


def test_code_that_is_imported_again_is_known(shop, tmp_path):
    configs = tmp_path / 'shop/configs.py'
    configs.write_text(f'{configs.read_text()}# more\n')
    again = importlib.reload(sys.modules['shop.configs']).ShopConfig
    assert code_digests([again])['shop/configs.py'] == sha256(configs.read_bytes()).hexdigest()


def test_a_config_file_stands_for_what_lies_beside_it_and_is_imported(tmp_path):
    (tmp_path / 'models.py').write_text('')
    (tmp_path / 'other.py').write_text('')
    (tmp_path / 'my_config.py').write_text(
        'from rastervision.pipeline.pipeline import PipelineConfig\n'
        'class MyConfig(PipelineConfig):\n'
        '    def build(self, tmp_dir):\n        import models\n'
    )
    module = load_file(str(tmp_path / 'my_config.py'))
    assert set(code_digests([module.MyConfig])) == {'my_config.py', 'models.py'}


def test_classes_of_raster_vision_are_known_by_its_version():
    assert is_builtin(PipelineConfig)
    assert code_digests([PipelineConfig]) == {}


def test_code_without_a_file_is_not_known(monkeypatch):
    module = ModuleType('notebook')
    monkeypatch.setitem(sys.modules, 'notebook', module)
    exec(
        'from rastervision.pipeline.pipeline import PipelineConfig\n'
        'class CellConfig(PipelineConfig): ...\n',
        vars(module),
    )
    assert code_digests([module.CellConfig]) == {'CellConfig': None}
