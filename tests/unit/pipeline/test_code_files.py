"""Which source files stand for the code of third parties."""

import importlib
import sys
import sysconfig
from hashlib import sha256
from types import ModuleType
from zipfile import ZipFile

import pytest

from rastervision.pipeline import code_files, registry_
from rastervision.pipeline.code_files import _imported, code_digests, is_builtin
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
def import_shop(tmp_path, monkeypatch):
    """A function that imports the class, from a file to which some text was added."""

    def load(more=''):
        for name, text in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        with (tmp_path / 'shop/configs.py').open('a') as file:
            file.write(more)
        return importlib.import_module('shop.configs').ShopConfig

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry_, 'configs', dict(registry_.configs))
    yield load
    for name in [n for n in sys.modules if n.partition('.')[0] in {'shop', 'helper'}]:
        del sys.modules[name]


@pytest.fixture
def shop(import_shop):
    return import_shop()


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


@pytest.mark.parametrize('name', sorted(USED))
def test_code_that_was_edited_after_its_import_is_not_known(shop, tmp_path, name):
    """What runs is what was imported, also of modules that have no config classes."""
    file, text = tmp_path / name, FILES[name]
    file.write_text(f'{text}# more\n')
    first = code_digests([shop])
    assert {name for name, digest in first.items() if digest is None} == {name}
    file.write_text(text)
    assert code_digests([shop]) == {**first, name: sha256(file.read_bytes()).hexdigest()}


def test_what_is_known_of_installed_code_is_the_file_of_the_class(
    import_shop, tmp_path, monkeypatch
):
    """Plugins may be large; what is installed is not edited while it runs."""
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path))
    shop = import_shop()
    assert set(_imported) & set(tmp_path.rglob('*.py')) == {tmp_path / 'shop/configs.py'}
    assert set(code_digests([shop])) == USED


def test_each_file_is_looked_through_once_while_a_package_is_imported(
    import_shop, tmp_path, monkeypatch
):
    parsed = []
    imports = code_files._imports
    monkeypatch.setattr(
        code_files, '_imports', lambda path, root: [parsed.append(path), *imports(path, root)][1:]
    )
    many = ''.join(
        f'@register_config("test_shop_{i}")\nclass C{i}(PipelineConfig): ...\n' for i in range(9)
    )
    import_shop(many)
    assert sorted(parsed) == sorted(tmp_path / name for name in USED)


def test_a_file_in_whose_stead_another_was_imported_is_not_known(tmp_path):
    """Two config files in one process, each with a module of the same name beside it."""
    found = []
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'rv_test_utils.py').write_text(f'X = {folder!r}\n')
        config = tmp_path / folder / 'json.py'
        config.write_text(
            'import rv_test_utils\nfrom rastervision.pipeline.pipeline import PipelineConfig\n'
            'X = rv_test_utils.X\nclass MyConfig(PipelineConfig): ...\n'
        )
        found.append(load_file(str(config)))
    assert [module.X for module in found] == ['a', 'a']
    one, two = (code_digests([module.MyConfig]) for module in found)
    assert None not in one.values()
    assert {name for name, digest in two.items() if digest is None} == {'rv_test_utils.py'}


def test_code_that_cannot_be_read_is_not_known(shop, tmp_path, monkeypatch):
    (tmp_path / 'shop/configs.py').unlink()
    assert code_digests([shop]) == {'shop/configs.py': None}
    with ZipFile(tmp_path / 'packed.zip', 'w') as file:
        file.writestr('rv_test_packed.py', 'class Packed: ...\n')
    monkeypatch.syspath_prepend(str(tmp_path / 'packed.zip'))
    packed = importlib.import_module('rv_test_packed')
    assert code_digests([packed.Packed]) == {'rv_test_packed.py': None}


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
