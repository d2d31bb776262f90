"""Lifting serialised configs of older releases to today's form.

Plain dictionaries go in and come out; no config class is built here. A serialised config carries
the versions of the plugins that wrote it. Within it every sub-config (a dictionary with a type
hint) is lifted step by step from the recorded version of its plugin to the current one, by the
upgraders of its class and of the ancestors of its class.

The rules for upgraders, `upgrader(cfg_dict, version) -> cfg_dict`:

- one call lifts from `version` to `version + 1`, and leaves other versions as they are;
- sub-configs are lifted before the config that holds them, so an upgrader sees and writes
  sub-configs in today's form;
- at each version ancestors go first;
- the type hint may be changed; the rest then follows the rules of the new one.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Protocol

from rastervision.pipeline.errors import ConfigError, RegistryError, RVError

PLUGIN_VERSIONS = 'plugin_versions'
TYPE_HINT = 'type_hint'


class UpgradeRules(Protocol):
    """What lifting needs to know; the registry knows it."""

    def current_type_hint(self, type_hint: str) -> str:
        """Today's name of a type hint."""

    def get_type_hint_lineage(self, type_hint: str) -> list[str]:
        """Type hints of a class and its ancestors, the oldest first."""

    def get_plugin(self, type_hint: str) -> str:
        """Plugin of a type hint."""

    def get_plugin_version(self, plugin: str) -> int:
        """Current version of a plugin."""

    def get_upgrader(
        self, type_hint: str
    ) -> Callable[[dict[str, Any], int], dict[str, Any]] | None:
        """Upgrader of a type hint."""


def upgrade(value: Any, versions: Mapping[str, int], rules: UpgradeRules) -> Any:
    """Lift every sub-config of a value.

    Args:
        value: A serialised config, or a list or dictionary of such. It is left as it is.
        versions: Recorded versions by plugin, under today's names of the plugins. A plugin that is
            not there counts as version 0: it had no version when the config was written.
        rules: Where type hints, plugins and upgraders are looked up.

    Returns:
        The lifted value, a copy.

    Raises:
        ConfigError: The config was written by a newer plugin, or an upgrader failed.
        RegistryError: The plugin of a type hint does not load.
    """
    if isinstance(value, list | tuple):
        return [upgrade(item, versions, rules) for item in value]
    if not isinstance(value, dict):
        return deepcopy(value)
    lifted = {key: upgrade(item, versions, rules) for key, item in value.items()}
    if isinstance(lifted.get(TYPE_HINT), str):
        return _upgrade_one(lifted, versions, rules)
    return lifted


def _upgrade_one(
    cfg: dict[str, Any], versions: Mapping[str, int], rules: UpgradeRules
) -> dict[str, Any]:
    cfg[TYPE_HINT] = rules.current_type_hint(cfg[TYPE_HINT])
    try:
        lineage = rules.get_type_hint_lineage(cfg[TYPE_HINT])
    except RegistryError:  # validation refuses it, if it is a config at all, and names the field
        return cfg
    for plugin in dict.fromkeys(rules.get_plugin(hint) for hint in lineage):
        recorded, current = versions.get(plugin, 0), rules.get_plugin_version(plugin)
        if recorded > current:
            raise ConfigError(
                f'The config was written with version {recorded} of {plugin}, and the installed '
                f'one is version {current}; install a newer release of the plugin.'
            )
        for version in range(recorded, current):
            cfg = _lift(cfg, plugin, version, rules)
    return cfg


def _lift(cfg: dict[str, Any], plugin: str, version: int, rules: UpgradeRules) -> dict[str, Any]:
    """Lift one config by one version of one plugin."""
    for hint in rules.get_type_hint_lineage(cfg[TYPE_HINT]):
        upgrader = rules.get_upgrader(hint)
        if upgrader is None or rules.get_plugin(hint) != plugin:
            continue
        before = cfg[TYPE_HINT]
        try:
            cfg = upgrader(cfg, version)
        except RVError:
            raise
        except Exception as e:
            raise ConfigError(
                f'Cannot lift {before!r} from version {version} of {plugin}: '
                f'{type(e).__name__}: {e}. Is this config complete?'
            ) from e
        if not isinstance(cfg, dict):
            raise ConfigError(
                f'The upgrader of {hint!r} returned {type(cfg).__name__} for version {version}; '
                f'it must return the config as a dictionary.'
            )
        cfg[TYPE_HINT] = rules.current_type_hint(cfg.get(TYPE_HINT, before))
    return cfg
