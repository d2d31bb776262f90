"""Lifting configs that older releases wrote."""

from typing import Any

import pytest

from rastervision.pipeline.config import build_config, upgrade_config

CURRENT = {
    'rastervision.core': 14,
    'rastervision.pytorch_learner': 7,
    'rastervision.pytorch_backend': 2,
    'rastervision.pipeline': 0,
}
GONE = '(gone)'
"""What stands for a field that must not be there any more."""


def look_up(cfg: Any, path: str) -> Any:
    for key in path.split('.'):
        if isinstance(cfg, list):
            cfg = cfg[int(key)]
        elif key in cfg:
            cfg = cfg[key]
        else:
            return GONE
    return cfg


@pytest.fixture
def lift():
    """Lift a config as written with a version of a plugin, the others as of release 0.31."""

    def lift(plugin: str, version: int, old: dict[str, Any]) -> dict[str, Any]:
        return upgrade_config({**old, 'plugin_versions': {**CURRENT, plugin: version}})

    return lift


@pytest.fixture
def check_lifted(lift):
    """Check that an old config becomes a valid one, and what then stands in it by path."""

    def check(plugin: str, version: int, old: dict[str, Any], expected: dict[str, Any]) -> None:
        new = lift(plugin, version, old)
        versions = new.pop('plugin_versions')
        assert versions == CURRENT
        built = build_config(new).to_dict()
        for path, value in expected.items():
            assert look_up(new if value is GONE else built, path) == value, path

    return check
