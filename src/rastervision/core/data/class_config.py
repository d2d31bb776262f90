"""ClassConfig: names and colours of the classes."""

from typing import Any, Self

from pydantic import Field, model_validator

from rastervision.core.data.utils.colors import (
    NULL_COLOR,
    Triple,
    color_of_null,
    color_to_integer,
    color_to_triple,
    distinct_colors,
)
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

NULL_CLASS_NAME = 'null'
MAX_TOLD = 10
"""Classes that a message names, besides the last one."""


@register_config('class_config')
class ClassConfig(Config):
    """Names and colours of the classes; the position of a name is its class id."""

    names: list[str] = Field(
        ..., description='Names of the classes. The id of a class is its place in the list.'
    )
    colors: list[str | tuple[Any, ...]] | None = Field(
        None,
        description=(
            'Colours of the classes, for label images and plots: CSS names, hex strings or RGB '
            'triples of 0..255. When absent, every class gets a colour of its own.'
        ),
    )
    null_class: str | None = Field(
        None,
        description=(
            'The name, among names, of the class of pixels without data or label. A class called '
            '"null" is taken when this is absent; semantic segmentation adds one when there is '
            'none. The loss and the metrics leave out a null class called "null", so that it is '
            'never predicted where there are data, and count any other one.'
        ),
    )

    @model_validator(mode='after')
    def _check(self) -> Self:
        if not self.names:
            raise ValueError('names must hold at least one class.')
        doubles = sorted({name for name in self.names if self.names.count(name) > 1})
        if doubles:
            raise ValueError(f'names must differ, but {", ".join(doubles)} stands there twice.')
        if self.null_class is not None and self.null_class not in self.names:
            raise ValueError(
                f'null_class {self.null_class!r} is not one of names: {", ".join(self.names)}.'
            )
        # written past validate_assignment, which would come back here
        if self.null_class is None and NULL_CLASS_NAME in self.names:
            self.__dict__['null_class'] = NULL_CLASS_NAME
        if self.colors is None:
            self.__dict__['colors'] = list(self._default_colors())
        self._check_colors()
        return self

    def _default_colors(self) -> list[Triple]:
        colors = distinct_colors(len(self.names), avoid=[NULL_COLOR])
        if NULL_CLASS_NAME in self.names:
            colors[self.names.index(NULL_CLASS_NAME)] = NULL_COLOR
        return colors

    def _check_colors(self) -> None:
        colors = self.colors or []
        if len(colors) != len(self.names):
            raise ValueError(
                f'There are {len(self.names)} names but {len(colors)} colors; '
                'give one colour per name, or none at all.'
            )
        for i, color in enumerate(colors):
            try:
                color_to_triple(color)
            except ValueError as e:
                raise ValueError(f'colors[{i}]: {e}') from None

    def __len__(self) -> int:
        return len(self.names)

    def get_class_id(self, name: str) -> int:
        """Id of a class.

        Raises:
            ConfigError: there is no class of that name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(
                f'There is no class {name!r}; the classes are {", ".join(self.names)}.'
            ) from None

    def get_name(self, class_id: int) -> str:
        """Name of a class.

        Raises:
            ConfigError: there is no class of that id.
        """
        if not 0 <= class_id < len(self.names):
            known = ', '.join(f'{i} {name}' for i, name in enumerate(self.names[:MAX_TOLD]))
            if (last := len(self.names) - 1) >= MAX_TOLD:
                known += f', ..., {last} {self.names[last]}'
            raise ConfigError(f'There is no class {class_id}; the ids are {known}.')
        return self.names[class_id]

    @property
    def null_class_id(self) -> int:
        """Id of the null class.

        Raises:
            ConfigError: there is no null class.
        """
        if self.null_class is None:
            raise ConfigError(
                'There is no null class; name one as null_class, or call ensure_null_class().'
            )
        return self.names.index(self.null_class)

    @property
    def null_is_nodata(self) -> bool:
        """Whether the null class stands for missing data, so that loss and metrics ignore it.

        So it is for a class called "null". A real class that serves as null_class, such as
        "background", counts like the others.
        """
        return self.null_class == NULL_CLASS_NAME

    @property
    def rgb_colors(self) -> list[Triple]:
        """Red, green and blue (0..255) of every class."""
        return [color_to_triple(color) for color in self.colors or []]

    @property
    def color_triples(self) -> list[tuple[float, float, float]]:
        """Red, green and blue (0..1) of every class, as matplotlib wants them."""
        return [(r / 255, g / 255, b / 255) for r, g, b in self.rgb_colors]

    def get_color_to_class_id(self) -> dict[int, int]:
        """Class ids by colour, the colours as numbers 0xRRGGBB."""
        return {color_to_integer(color): i for i, color in enumerate(self.colors or [])}

    def ensure_null_class(self) -> None:
        """Add a class called "null" at the end when there is no null class."""
        if self.null_class is not None:
            return
        color = color_of_null(self.rgb_colors)
        self.names.append(NULL_CLASS_NAME)
        self.colors = [*(self.colors or []), color]
        self.null_class = NULL_CLASS_NAME
