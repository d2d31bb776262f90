"""Configs for tests."""

# ruff: noqa: RUF012 - defaults are written as users write them; pydantic copies them
from enum import Enum
from typing import List, Optional, Union  # noqa: UP035 - as configs of 0.31 are written

from pydantic import Field

from rastervision.pipeline.config import (
    Config,
    register_config,
)
from rastervision.pipeline.pipeline import PipelineConfig


class Colour(Enum):
    red = 'r'
    blue = 'b'


@register_config('test_other')
class Other(Config):
    name: str = 'x'


@register_config('test_shape')
class Shape(Config):
    size: float = 1.0
    colour: Colour = Colour.red
    uris: Union[str, List[str]] = []  # noqa: UP006, UP007


@register_config('test_circle')
class Circle(Shape):
    radius: int = Field(2, description='Radius in pixels.')


@register_config('test_group')
class Group(Shape):
    shapes: list[Shape] = []
    by_name: dict[str, Shape] = {}
    by_id: dict[int, Optional[Shape]] = {}  # noqa: UP045
    extra: Union[list[Shape], Shape, None] = None  # noqa: UP007
    either: Union[Other, Shape, None] = None  # noqa: UP007
    main: Shape = Circle(radius=5)
    pair: tuple[Shape, int] = (Circle(), 1)


@register_config('test_config_pipeline')
class ShapesPipelineConfig(PipelineConfig):
    shapes: list[Shape] = []
    required: Shape
