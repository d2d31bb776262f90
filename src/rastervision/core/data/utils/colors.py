"""Colours of classes: names, hex strings and triples in, triples and numbers out."""

import colorsys
import re
from collections.abc import Sequence
from math import dist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Triple: TypeAlias = tuple[int, int, int]
Color: TypeAlias = str | tuple[Any, ...] | list[Any]

NULL_COLOR: Triple = (0, 0, 0)
"""Colour of a null class that has none, if no other class has it: black, as in release 0.31."""

_FAR_ENOUGH = 60.0
"""Distance of red, green and blue from which on colours can be told apart."""
_MANY = 40
"""Number of tries after which the distance that is asked for is made smaller."""
_GOLDEN_ANGLE = 0.6180339887498949
_FUNCTIONAL = re.compile(r'[a-z]+\(.*\)')


def color_to_triple(color: Color | None = None) -> Triple:
    """Red, green and blue, each in 0..255.

    Args:
        color: a CSS name, a hex string (``#rrggbb``) or ``rgb(...)``, another name that
            matplotlib knows, or a triple of integers in 0..255. None gives a random colour.

    Raises:
        ValueError: nothing of the kind.
    """
    if color is None:
        r, g, b = np.random.default_rng().integers(0, 256, 3).tolist()
        return r, g, b
    if isinstance(color, str):
        return _parse_color(color)
    values = list(color)
    if len(values) == 3 and all(_is_byte(v) for v in values):
        r, g, b = (int(v) for v in values)
        return r, g, b
    raise ValueError(f'{color!r} is not a colour: a triple needs three integers in 0..255.')


def color_to_integer(color: Color) -> int:
    """The number 0xRRGGBB of a colour."""
    r, g, b = color_to_triple(color)
    return (r << 16) + (g << 8) + b


def normalize_color(color: Color | None) -> tuple[float, float, float]:
    """Red, green and blue, each in 0..1.

    Args:
        color: as for `color_to_triple`; triples of floats in 0..1 are taken as they are.
    """
    if color is not None and not isinstance(color, str):
        values = list(color)
        floats = any(isinstance(v, float) and not v.is_integer() for v in values)
        if floats or all(isinstance(v, float) and v <= 1 for v in values):
            if len(values) != 3 or not all(0 <= v <= 1 for v in values):
                raise ValueError(f'{color!r} is not a colour: floats must be three in 0..1.')
            r, g, b = (float(v) for v in values)
            return r, g, b
    r, g, b = (v / 255 for v in color_to_triple(color))
    return r, g, b


def rgb_to_int_array(rgb_array: NDArray[Any]) -> NDArray[np.uint32]:
    """Numbers 0xRRGGBB of the pixels of an image.

    Args:
        rgb_array: (..., 3) values in 0..255.

    Returns:
        (...) numbers.
    """
    r, g, b = np.moveaxis(np.asarray(rgb_array).astype(np.uint32), -1, 0)
    numbers: NDArray[np.uint32] = (r << 16) + (g << 8) + b
    return numbers


def distinct_colors(n: int, avoid: Sequence[Triple] = ()) -> list[Triple]:
    """The first `n` colours of one fixed series, without those close to one in `avoid`.

    Hues go round the circle by the golden angle, so that neighbours in the series differ much;
    brightness alternates. What is close to an earlier colour is passed over, as long as there are
    others.
    """
    colors: list[Triple] = []
    i, tries, least = 0, 0, _FAR_ENOUGH
    while len(colors) < n:
        hue, dark = (i * _GOLDEN_ANGLE) % 1, i % 2
        r, g, b = colorsys.hsv_to_rgb(hue, 0.85 - 0.2 * dark, 0.95 - 0.3 * dark)
        color = (round(255 * r), round(255 * g), round(255 * b))
        i, tries = i + 1, tries + 1
        if all(dist(color, other) >= least for other in (*avoid, *colors)):
            colors.append(color)
            tries = 0
        elif tries == _MANY:  # the colours run out
            least, tries = max(1.0, least / 2), 0
    return colors


def color_of_null(others: Sequence[Triple]) -> Triple:
    """A colour for a null class beside classes that have theirs: black, if none of them is dark."""
    if all(dist(NULL_COLOR, other) >= _FAR_ENOUGH for other in others):
        return NULL_COLOR
    return distinct_colors(1, avoid=others)[0]


def _is_byte(value: Any) -> bool:
    number = isinstance(value, (int, float, np.integer)) and not isinstance(value, bool)
    return number and float(value).is_integer() and 0 <= value <= 255


def _parse_color(color: str) -> Triple:
    from PIL import ImageColor

    try:
        r, g, b = ImageColor.getrgb(color.strip())[:3]
    except ValueError:
        return _parse_matplotlib_color(color)
    return r, g, b


def _parse_matplotlib_color(color: str) -> Triple:
    """Names that only matplotlib has, such as ``tab:blue``, ``C0`` and ``xkcd:sky blue``."""
    if not _FUNCTIONAL.fullmatch(color):
        from matplotlib.colors import to_rgb

        try:
            r, g, b = (round(255 * v) for v in to_rgb(color))
        except ValueError:
            pass
        else:
            return r, g, b
    raise ValueError(
        f'{color!r} is not a colour; use a CSS name such as "red", a hex string such as '
        '"#ff0000" or a triple such as (255, 0, 0).'
    )
