import sys
from types import ModuleType

import pytest

from rastervision.pipeline.lazy import (
    further_exports,
    homes_of,
    lazy_exports,
    names_table,
    sparing_imports,
    starred_exports,
)


@pytest.fixture
def package(monkeypatch):
    """A package with a name of its own, to which exports are added."""
    module = ModuleType('h7_package')
    vars(module).update(own=1, __all__=['own'])
    monkeypatch.setitem(sys.modules, 'h7_package', module)

    def add(exports, **kwargs):
        module.__getattr__, module.__dir__ = exports(vars(module), **kwargs)
        return module

    return add


def star(source='', file=None):
    names = {'__file__': file}
    exec(compile(f'from h7_package import *\n{source}', 'config', 'exec'), names)  # our own code
    return names.keys() - {'__file__', '__builtins__'}


FURTHER = {'math': ['sqrt', 'pi'], 'json': ['dumps']}


def test_further_names_are_not_starred(package):
    module = package(further_exports, further=FURTHER)
    assert (module.own, module.sqrt(4)) == (1, 2)
    assert {'own', 'sqrt', 'pi', 'dumps'} <= set(dir(module))
    assert star() == {'own'}
    with pytest.raises(AttributeError, match='no_such'):
        _ = module.no_such


def test_starred_names_are_taken_where_a_config_mentions_them(package):
    module = package(starred_exports, further=FURTHER)
    assert (module.own, module.sqrt(4)) == (1, 2)
    assert star() == {'own', 'sqrt', 'pi', 'dumps'}
    with sparing_imports('config.py'):
        assert star('def get_config(): return sqrt(4)', file='config.py') - {'get_config'} == {
            'own',
            'sqrt',
        }


def test_lazy_names_come_from_their_modules(monkeypatch):
    monkeypatch.setitem(sys.modules, 'h7_lazy', ModuleType('h7_lazy'))
    get, names = lazy_exports(
        'h7_lazy', {'math': ['pi']}, heavy={'json': ['dumps']}, further={'math': ['sqrt']}
    )
    assert get('sqrt')(9) == 3
    assert {'pi', 'dumps', 'sqrt'} <= set(names())
    assert get('__all__') == ['dumps', 'pi']


def test_tables():
    table = names_table("""
module.a:
    x y
    z
module.b:
    w
""")
    assert table == {'module.a': ['x', 'y', 'z'], 'module.b': ['w']}
    assert homes_of(['w', 'z'], table) == {'module.a': ['z'], 'module.b': ['w']}
