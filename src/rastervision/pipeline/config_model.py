"""What makes a pydantic model a config: type hints, strict fields and readable errors.

`rastervision.pipeline.config` has the class that users see.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rastervision.pipeline import registry_
from rastervision.pipeline.config_errors import (
    UNKNOWN_FIELD,
    UNKNOWN_TYPE_HINT,
    WRONG_FAMILY,
    explain,
)
from rastervision.pipeline.errors import ConfigError, RegistryError, did_you_mean
from rastervision.pipeline.upgrade import TYPE_HINT

if TYPE_CHECKING:
    from rastervision.pipeline.config import Config


class ConfigModel(BaseModel):
    """A model whose fields take any registered subclass of the class they are annotated with.

    Attributes:
        type_hint: Name of the class in serialised configs, given to `register_config`.
    """

    model_config = ConfigDict(
        extra='forbid',
        validate_assignment=True,
        defer_build=True,
        ser_json_inf_nan='constants',
    )

    type_hint: ClassVar[str] = 'config'

    if not TYPE_CHECKING:  # type checkers see the constructor with the fields as arguments

        def __init__(self, **data: Any) -> None:
            cls = type(self)
            hint = data.pop(TYPE_HINT, cls.type_hint)
            if not isinstance(hint, str) or registry_.current_type_hint(hint) != cls.type_hint:
                raise ConfigError(
                    f'{cls.__name__} has the type hint {cls.type_hint!r}, got {hint!r}; '
                    f'leave it out, or use Config.from_dict() to build any class.'
                )
            try:
                super().__init__(**data)
            except ValidationError as e:
                raise explain(e, data, cls.__name__) from None

        # pydantic then fills nested configs itself and reports their fields with full paths
        __init__.__pydantic_base_init__ = True

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                super().__setattr__(name, value)
            except ValidationError as e:
                raise explain(e, {name: value}, type(self).__name__) from None

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Self:
        """Build a config from a dictionary as it is, without upgrading it.

        Raises:
            ConfigError: The values do not fit.
        """
        try:
            return super().model_validate(obj, **kwargs)
        except ValidationError as e:
            raise explain(e, obj, cls.__name__) from None

    @model_validator(mode='wrap')
    @classmethod
    def _validate_by_type_hint(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Pass a dictionary on to the class that its type hint names."""
        if isinstance(value, Mapping) and TYPE_HINT in value:
            target = cls._class_for(value[TYPE_HINT])
            value = {k: v for k, v in value.items() if k != TYPE_HINT}
            if target is not cls:
                # not model_validate: pydantic's own error keeps the path to each field
                return cast('Self', target.__pydantic_validator__.validate_python(value))
        elif isinstance(value, ConfigModel) and not isinstance(value, cls):
            raise _custom_error(WRONG_FAMILY, cls._wrong_family(type(value)))
        return handler(value)

    @model_validator(mode='before')
    @classmethod
    def _refuse_unknown_fields(cls, value: Any) -> Any:
        """Name the nearest valid field; runs after the 'before' validators of subclasses."""
        if not isinstance(value, Mapping) or cls.model_config.get('extra') != 'forbid':
            return value
        names = {*cls.model_fields, *(f.alias for f in cls.model_fields.values() if f.alias)}
        unknown = [str(key) for key in value if key not in names]
        if unknown:
            details = [
                InitErrorDetails(
                    type=_custom_error(UNKNOWN_FIELD, cls._unknown_field(name, names)),
                    loc=(name,),
                    input=value.get(name),
                )
                for name in unknown
            ]
            raise ValidationError.from_exception_data(cls.__name__, details)
        return value

    @classmethod
    def _unknown_field(cls, name: str, valid: set[str]) -> str:
        kinds = [i.cls for i in registry_.configs.values() if issubclass(i.cls, cls)]
        owners = [
            f'{kind.__name__} ({TYPE_HINT} {kind.type_hint!r})'
            for kind in kinds
            if name in kind.model_fields
        ]
        way_out = did_you_mean(name, valid)
        if owners:
            way_out = f' There is one in {" and ".join(sorted(owners))}.'
        elif not way_out:
            way_out = f' Its fields: {", ".join(cls.model_fields) or "none"}.'
        return f'unknown field of {cls.__name__}.{way_out}'

    @classmethod
    def _class_for(cls, hint: object) -> 'type[Self]':
        """The class that a type hint names, if values of it may stand where this class may."""
        if hint == cls.type_hint:
            return cls
        if not isinstance(hint, str):
            raise _error_at_hint(UNKNOWN_TYPE_HINT, f'{hint!r} is not a name', hint)
        try:
            target = registry_.get_config(hint)
        except RegistryError as e:
            raise _error_at_hint(UNKNOWN_TYPE_HINT, str(e), hint) from None
        if target.type_hint == cls.type_hint:
            return cls
        if not issubclass(target, cls):
            raise _error_at_hint(WRONG_FAMILY, cls._wrong_family(target), hint)
        return target

    @classmethod
    def _wrong_family(cls, other: 'type[ConfigModel]') -> str:
        hints = sorted(i.type_hint for i in registry_.configs.values() if issubclass(i.cls, cls))
        return (
            f'{other.__name__} (type hint {other.type_hint!r}) is not a {cls.__name__}; '
            f'expected one of: {", ".join(hints)}'
        )

    @model_serializer(mode='wrap')
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {TYPE_HINT: self.type_hint, **handler(self)}


@contextmanager
def located(path: str) -> Iterator[None]:
    """Put the path to a config before the messages of its errors."""
    try:
        yield
    except ConfigError as e:
        raise ConfigError(f'{path}: {e}' if path else str(e)) from e


def walk(cfg: 'Config', path: str = '') -> Iterator[tuple[str, 'Config']]:
    """Every config within a config, itself first, with the path that leads to it."""
    yield path, cfg
    for name in type(cfg).model_fields:
        yield from _walk_value(getattr(cfg, name), f'{path}.{name}' if path else name)


def _walk_value(value: object, path: str) -> Iterator[tuple[str, 'Config']]:
    if isinstance(value, ConfigModel):
        yield from walk(cast('Config', value), path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk_value(item, f'{path}.{key}')
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _walk_value(item, f'{path}[{i}]')


def _custom_error(kind: str, message: str) -> PydanticCustomError:
    return PydanticCustomError(kind, '{message}', {'message': message})


def _error_at_hint(kind: str, message: str, hint: object) -> ValidationError:
    detail = InitErrorDetails(type=_custom_error(kind, message), loc=(TYPE_HINT,), input=hint)
    return ValidationError.from_exception_data(kind, [detail])
