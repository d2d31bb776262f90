"""Config classes: validated, serialisable descriptions of pipelines and their parts."""

import json as json_
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

from pydantic import Field, ValidationError
from pydantic_core import PydanticSerializationError

from rastervision.pipeline import plugins, registry_, rv_config_
from rastervision.pipeline.config_errors import UNKNOWN_TYPE_HINT, explain
from rastervision.pipeline.config_model import ConfigModel, located, walk
from rastervision.pipeline.config_versions import (
    missing_plugins,
    plugin_versions_of,
    upgrade_config,
    upgrade_plugin_versions,
)
from rastervision.pipeline.errors import (
    ConfigError,
    RegistryError,
    did_you_mean,
)
from rastervision.pipeline.registry import Upgrader
from rastervision.pipeline.upgrade import PLUGIN_VERSIONS, TYPE_HINT

if TYPE_CHECKING:
    from rastervision.pipeline.pipeline import PipelineConfig

ConfigType = TypeVar('ConfigType', bound='type[Config]')
JSON = dict[str, Any]

RV_CONFIG = 'rv_config'
METADATA_FIELDS = (PLUGIN_VERSIONS, RV_CONFIG)


class Config(ConfigModel):
    """Base of all config classes.

    A config describes something, `build()` makes it. A field whose type is a config class takes
    configs of any registered subclass, or dictionaries that name one by `type_hint`; this holds
    inside lists, dictionaries, Optional and Union as well. What does not fit is refused with a
    `ConfigError` that names the path to the field.
    """

    # What subclasses override

    def build(self, *args: Any, **kwargs: Any) -> Any:
        """Make what this config describes."""
        raise NotImplementedError(f'{type(self).__name__} has nothing to build.')

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Fill in defaults that depend on other fields; the framework calls it on a copy."""

    def validate_config(self) -> None:
        """Check what depends on several fields, after `update()`.

        Raises:
            ConfigError: The fields do not go together.
        """

    # Checks

    def revalidate(self) -> None:
        """Validate all fields again, after changes that assignment does not see (`cfg.xs.append`).

        Raises:
            ConfigError: A value does not fit, or fields do not go together.
        """
        for path, cfg in walk(self):
            with located(path):
                fields = type(cfg).model_fields
                type(cfg).model_validate({name: getattr(cfg, name) for name in fields})
        self.validate_config()

    def recursive_validate_config(self) -> None:
        """Call `validate_config()` on this config and on every config within it.

        Raises:
            ConfigError: Fields do not go together; the message has the path to the config.
        """
        for path, cfg in walk(self):
            with located(path):
                cfg.validate_config()

    def validate_list(self, field: str, valid_options: list[str]) -> None:
        """Check that a field which is a list holds valid options only.

        Raises:
            ConfigError: A value is none of the options.
        """
        for value in getattr(self, field):
            if value not in valid_options:
                near = did_you_mean(str(value), map(str, valid_options))
                options = ', '.join(map(str, valid_options))
                raise ConfigError(
                    f'{field}: {value!r} is not a valid option.{near} Options: {options}.'
                )

    # Copies and serialised forms

    def copy(self) -> Self:  # type: ignore[override]  # pydantic's own is deprecated
        """A deep copy."""
        return self.model_copy(deep=True)

    def to_dict(self, with_rv_metadata: bool = False, **kwargs: Any) -> JSON:
        """The serialised form, made of what JSON knows.

        Args:
            with_rv_metadata: Add the versions of the plugins that the config needs and, for a
                pipeline, the settings that travel with it.
            kwargs: Passed to pydantic's `model_dump`, such as `exclude`.

        Raises:
            ConfigError: A class is not registered, or a value cannot be serialised.
        """
        for path, cfg in walk(self):
            if TYPE_HINT not in vars(type(cfg)):
                raise ConfigError(
                    f'{path or "The config"} is a {type(cfg).__name__}, which cannot be serialised '
                    f'because it is not registered; decorate it with @register_config(...).'
                )
        try:
            serialised = self.model_dump(mode='json', serialize_as_any=True, **kwargs)
        except PydanticSerializationError as e:
            raise ConfigError(f'{type(self).__name__} cannot be written as JSON: {e}') from e
        for name in METADATA_FIELDS:
            serialised.pop(name, None)
        if with_rv_metadata:
            serialised[PLUGIN_VERSIONS] = plugin_versions_of(self)
            if RV_CONFIG in type(self).model_fields:
                schema = registry_.get_rv_config_schema()
                serialised[RV_CONFIG] = rv_config_.get_config_dict(schema)
        return serialised

    def dict(self, with_rv_metadata: bool = False, **kwargs: Any) -> JSON:
        """The same as `to_dict()`, under its name of release 0.31."""
        return self.to_dict(with_rv_metadata, **kwargs)

    def json(self, with_rv_metadata: bool = False, **kwargs: Any) -> str:
        """The serialised form as JSON text; arguments as for `to_dict()`."""
        return json_.dumps(self.to_dict(with_rv_metadata, **kwargs))

    def to_file(self, uri: str, with_rv_metadata: bool = True) -> None:
        """Write the serialised form to a JSON file.

        Raises:
            ConfigError: The config cannot be serialised.
            NotWritableError: The file cannot be written.
        """
        from rastervision.pipeline.file_system.utils import str_to_file

        str_to_file(json_.dumps(self.to_dict(with_rv_metadata), indent=2), str(uri))

    @classmethod
    def deserialize(cls, inp: 'str | JSON | Config') -> Self:
        """Read a config from a file, a serialised form, or take it as it is.

        Raises:
            ConfigError: There is no valid config of this class.
            NotReadableError: The file cannot be read.
        """
        if isinstance(inp, Config):
            return cls._checked(inp)
        return cls.from_dict(inp) if isinstance(inp, Mapping) else cls.from_file(inp)

    @classmethod
    def from_file(cls, uri: str) -> Self:
        """Read a config from a JSON file, which an older release may have written.

        Raises:
            ConfigError: The file is not JSON, or not a valid config of this class.
            NotReadableError: The file cannot be read.
        """
        from rastervision.pipeline.file_system.utils import file_to_str

        try:
            content = json_.loads(file_to_str(str(uri)))
        except (UnicodeDecodeError, json_.JSONDecodeError) as e:
            raise ConfigError(f'{uri} is not a JSON file: {e}') from e
        if not isinstance(content, Mapping):
            raise ConfigError(f'{uri} holds a JSON {type(content).__name__}, not a config.')
        try:
            return cls.from_dict(content)
        except (ConfigError, RegistryError) as e:
            raise ConfigError(f'{uri}: {e}') from e

    @classmethod
    def from_dict(cls, cfg_dict: Mapping[str, Any]) -> Self:
        """Build a config from its serialised form, which an older release may have written.

        Args:
            cfg_dict: The serialised form. Without a type hint it is read as this class.

        Raises:
            ConfigError: It is not a valid config of this class.
        """
        if cls is Config and TYPE_HINT not in cfg_dict:
            raise ConfigError(f'A config of unknown class needs a {TYPE_HINT}; got {cfg_dict!r}.')
        values = cast('JSON', upgrade_config({TYPE_HINT: cls.type_hint, **cfg_dict}))
        missing = partial(missing_plugins, cfg_dict.get(PLUGIN_VERSIONS))
        hint = values.pop(TYPE_HINT)
        try:
            target = cls if hint == cls.type_hint else _config_class(hint)
        except ConfigError as e:
            raise ConfigError(f'{e}{missing()}') from e
        for name in METADATA_FIELDS:
            if name not in target.model_fields:
                values.pop(name, None)
        try:
            cfg = target.__pydantic_validator__.validate_python(values)
        except ValidationError as e:
            no_class = any(line['type'] == UNKNOWN_TYPE_HINT for line in e.errors())
            message = str(explain(e, values, target.__name__))
            raise ConfigError(message + missing() if no_class else message) from None
        return cls._checked(cfg)

    @classmethod
    def _checked(cls, cfg: 'Config') -> Self:
        if not isinstance(cfg, cls):
            raise ConfigError(cls._wrong_family(type(cfg)) + '.')
        return cfg


def register_config(
    type_hint: str, plugin: str | None = None, upgrader: Upgrader | None = None
) -> Callable[[ConfigType], ConfigType]:
    """Class decorator that makes a config class known.

    Args:
        type_hint: Unique name of the class in serialised configs.
        plugin: Name of the plugin whose version the serialised form follows. Default: the package
            that the class is in.
        upgrader: Function of a serialised config and the version that it has; returns it lifted to
            the next version. See `rastervision.pipeline.upgrade` for its rules.

    Raises:
        RegistryError: The type hint is taken, or what is decorated is not a config class.
    """

    def register(cls: ConfigType) -> ConfigType:
        if not (isinstance(cls, type) and issubclass(cls, Config)):
            raise RegistryError(f'@register_config({type_hint!r}) is for subclasses of Config.')
        registry_.add_config(type_hint, cls, plugin or get_plugin(cls), upgrader)
        if get_plugin(cls) not in plugins.BUILTIN_PLUGINS:
            from rastervision.pipeline.code_files import remember_code

            remember_code(cls)
        cls.type_hint = type_hint
        return cls

    return register


def get_plugin(config_cls: type) -> str:
    """Name of the plugin that a config class is in: `rastervision.x`, or the top-level package."""
    parts = config_cls.__module__.split('.')
    return '.'.join(parts[: 2 if parts[0] == plugins.NAMESPACE else 1])


@overload
def build_config(x: Config | Mapping[str, Any]) -> Config: ...
@overload
def build_config(x: list[Any]) -> list[Config]: ...
def build_config(x: Any) -> Config | list[Config]:
    """Build configs from serialised ones that have type hints and today's form.

    Args:
        x: A serialised config, a config (returned as it is), or a list of these.

    Raises:
        ConfigError: Something in it is not a valid config.
    """
    if isinstance(x, Config):
        return x
    if isinstance(x, list | tuple):
        return [build_config(item) for item in x]
    if not isinstance(x, Mapping) or TYPE_HINT not in x:
        raise ConfigError(f'Expected a serialised config with a {TYPE_HINT}, got {x!r}.')
    return _config_class(x[TYPE_HINT]).model_validate(x)


def _config_class(type_hint: object) -> type[Config]:
    if not isinstance(type_hint, str):
        raise ConfigError(f'{TYPE_HINT}: expected the name of a config class, got {type_hint!r}.')
    try:
        return registry_.get_config(type_hint)
    except RegistryError as e:
        raise ConfigError(str(e)) from e


def save_pipeline_config(cfg: 'PipelineConfig', output_uri: str) -> None:
    """Write a pipeline config with the plugin versions and settings that it needs.

    Raises:
        ConfigError: The config cannot be serialised.
        NotWritableError: The file cannot be written.
    """
    cfg.to_file(output_uri, with_rv_metadata=True)


__all__ = [
    'Config',
    'ConfigError',
    'Field',
    'build_config',
    'get_plugin',
    'register_config',
    'save_pipeline_config',
    'upgrade_config',
    'upgrade_plugin_versions',
    'walk',
]
