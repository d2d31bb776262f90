from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.errors import ConfigError, RegistryError
from rastervision.pipeline.upgrade import upgrade


class Rules:
    """Upgrade rules from plain tables."""

    lineages = {  # noqa: RUF012
        'source': ['source'],
        'geojson': ['source', 'geojson'],
        'mine': ['source', 'geojson', 'mine'],
        'image_data': ['image_data'],
        'data': ['data'],
    }
    versions = {'core': 3, 'my_plugin': 2}  # noqa: RUF012
    renamed = {'old_geojson': 'geojson'}  # noqa: RUF012

    def __init__(self, **upgraders: Any) -> None:
        self.upgraders = upgraders

    def current_type_hint(self, type_hint: str) -> str:
        return self.renamed.get(type_hint, type_hint)

    def get_type_hint_lineage(self, type_hint: str) -> list[str]:
        if type_hint not in self.lineages:
            raise RegistryError(type_hint)
        return self.lineages[type_hint]

    def get_plugin(self, type_hint: str) -> str:
        return 'my_plugin' if type_hint == 'mine' else 'core'

    def get_plugin_version(self, plugin: str) -> int:
        return self.versions[plugin]

    def get_upgrader(self, type_hint: str) -> Any:
        return self.upgraders.get(type_hint)


def tracer(name: str) -> Any:
    """An upgrader that writes down its name and the version that it is called with."""

    def upgrader(cfg: dict[str, Any], version: int) -> dict[str, Any]:
        return {**cfg, 'trace': [*cfg.get('trace', []), (name, version)]}

    return upgrader


@given(st.integers(0, 3))
def test_each_version_once_and_ancestors_first(recorded: int) -> None:
    rules = Rules(source=tracer('source'), geojson=tracer('geojson'))
    lifted = upgrade({'type_hint': 'geojson'}, {'core': recorded}, rules)
    expected = [(name, v) for v in range(recorded, 3) for name in ('source', 'geojson')]
    assert lifted.get('trace', []) == expected


def test_versions_count_per_plugin_of_the_lineage() -> None:
    rules = Rules(source=tracer('source'), mine=tracer('mine'))
    lifted = upgrade({'type_hint': 'mine'}, {'core': 2, 'my_plugin': 1}, rules)
    assert lifted['trace'] == [('source', 2), ('mine', 1)]
    assert upgrade({'type_hint': 'mine'}, {'core': 3}, rules)['trace'] == [('mine', 0), ('mine', 1)]


def test_sub_configs_are_lifted_first_wherever_they_are() -> None:
    def outer(cfg: dict[str, Any], version: int) -> dict[str, Any]:
        assert all('trace' in sub for sub in [*cfg['subs'], *cfg['by_name'].values()])
        return cfg | {'seen': version}

    rules = Rules(source=tracer('source'), data=outer)
    cfg = {'type_hint': 'data', 'subs': [{'type_hint': 'source'}]}
    cfg['by_name'] = {'a': {'type_hint': 'old_geojson'}}
    original = deepcopy(cfg)
    lifted = upgrade(cfg, {'core': 2}, rules)
    assert lifted['seen'] == 2
    assert lifted['by_name']['a']['type_hint'] == 'geojson'
    assert cfg == original


def test_a_new_type_hint_brings_its_own_rules() -> None:
    def data(cfg: dict[str, Any], version: int) -> dict[str, Any]:
        return cfg | {'type_hint': 'image_data'} if version == 1 else cfg

    rules = Rules(data=data, image_data=tracer('image_data'))
    lifted = upgrade({'type_hint': 'data'}, {'core': 0}, rules)
    assert lifted == {'type_hint': 'image_data', 'trace': [('image_data', 2)]}


@pytest.mark.parametrize('value', [None, 3, 'x', [], {}, {'a': [1, {'b': None}]}])
def test_what_is_no_config_stays(value: object) -> None:
    assert upgrade(value, {}, Rules()) == value


def test_unknown_type_hints_stay_for_validation_to_refuse() -> None:
    cfg = {'type_hint': 'nobody', 'sub': {'type_hint': 'source'}}
    lifted = upgrade(cfg, {'core': 2}, Rules(source=tracer('source')))
    assert lifted == {
        'type_hint': 'nobody',
        'sub': {'type_hint': 'source', 'trace': [('source', 2)]},
    }


def test_newer_configs_are_refused() -> None:
    with pytest.raises(ConfigError, match=r'version 4 of core.*is version 3; install a newer'):
        upgrade({'type_hint': 'source'}, {'core': 4}, Rules())
    assert upgrade({'a': 1}, {'core': 4}, Rules()) == {'a': 1}


@pytest.mark.parametrize(
    ('upgrader', 'message'),
    [
        (lambda cfg, _: {**cfg, 'b': cfg['a']}, r"Cannot lift 'source' from version 2.*'a'"),
        (lambda _cfg, _: int('x'), r"Cannot lift 'source' from version 2.*ValueError.*'x'"),
        (lambda _cfg, _: None, r"upgrader of 'source' returned NoneType for version 2"),
    ],
)
def test_failing_upgraders_are_named(upgrader: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        upgrade({'type_hint': 'source'}, {'core': 2}, Rules(source=upgrader))
