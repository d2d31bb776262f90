"""Versions of plugins that serialised configs carry, and lifting configs by them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from rastervision.pipeline import registry_
from rastervision.pipeline.config_model import walk
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.upgrade import PLUGIN_VERSIONS, upgrade

if TYPE_CHECKING:
    from rastervision.pipeline.config import Config


def upgrade_plugin_versions(plugin_versions: Mapping[str, int]) -> dict[str, int]:
    """Recorded plugin versions under today's names of the plugins."""
    return {
        registry_.get_plugin_from_alias(name) or name: version
        for name, version in plugin_versions.items()
    }


def upgrade_config(config_dict: Any) -> Any:
    """Lift a serialised config to today's form, by the plugin versions that it carries.

    Args:
        config_dict: A serialised config, or a list of such. One without plugin versions is taken
            to have today's form.

    Returns:
        A copy in today's form, with today's plugin versions if there were any.

    Raises:
        ConfigError: The plugin versions are malformed or newer than the installed ones, or the
            config cannot be lifted.
    """
    if isinstance(config_dict, list):
        return [upgrade_config(item) for item in config_dict]
    values = dict(config_dict)
    recorded = values.pop(PLUGIN_VERSIONS, None)
    if recorded is None:
        return values
    if not isinstance(recorded, Mapping) or not all(isinstance(v, int) for v in recorded.values()):
        raise ConfigError(
            f'{PLUGIN_VERSIONS}: expected plugin names and whole numbers, got {recorded!r}.'
        )
    versions = upgrade_plugin_versions(recorded)
    lifted = cast('dict[str, Any]', upgrade(values, versions, registry_))
    known = registry_.plugin_versions
    lifted[PLUGIN_VERSIONS] = {name: known.get(name, version) for name, version in versions.items()}
    return lifted


def plugin_versions_of(cfg: 'Config') -> dict[str, int]:
    """Current versions of the plugins that a config needs."""
    hints = {
        hint
        for _, part in walk(cfg)
        for hint in registry_.get_type_hint_lineage(type(part).type_hint)
    }
    plugin_names = sorted({registry_.get_plugin(hint) for hint in hints})
    return {plugin: registry_.get_plugin_version(plugin) for plugin in plugin_names}


def missing_plugins(recorded: object) -> str:
    """Which plugins a config was written with and that are not here."""
    names = set(upgrade_plugin_versions(recorded) if isinstance(recorded, Mapping) else ())
    here = {*registry_.discover_plugins(), *(i.plugin for i in registry_.configs.values())}
    missing = ', '.join(sorted(names - here))
    return (
        f' It was written with plugins that are not installed here: {missing}.' if missing else ''
    )
