"""A picture of image, true values and predicted values side by side, for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data import (
    ChipRegressionGeoJSONStore,
    ChipRegressionLabelSource,
    Scene,
)
from rastervision.core.rv_pipeline.preview import (
    CAPTION,
    FONT_SIZE,
    GAP,
    MAX_SCENES,
    Row,
    candidates,
    caption,
    display_image,
    draw_cells,
    spread,
    write_rows,
)

RAMP = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])
"""Colours from the least value to the greatest, from dark to bright, whatever one sees of hues."""
BAR = (160, 14)
"""Width and height of the bars of values."""


def write_value_preview(scenes: Sequence[Scene], targets: Sequence[str], uri: str) -> None:
    """Draw up to four pictures of values, a row each: image, truth, prediction.

    The bar of a target goes from its least to its greatest value, true or predicted, in the scenes
    that are shown. The image is seen where no value is known.

    Args:
        scenes: Scenes with labels whose predictions are in their label stores.
        targets: Names of the targets; each is shown in a row of its own.
        uri: Where to write the PNG file.
    """
    shown = spread([(s, k) for s in scenes for k in range(len(targets))], MAX_SCENES)
    maps = [found for scene, target in shown if (found := _read(scene, target)) is not None]
    ranges = {
        target: _range([m for m in maps if m.target == target])
        for target in sorted({m.target for m in maps})
    }
    rows = [_row(m, targets, *ranges[m.target]) for m in maps]
    bars = [(targets[target], *ends) for target, ends in ranges.items()]
    write_rows(rows, uri, partial(_draw_bars, bars), len(bars))


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of one target in the cells of a scene.

    Attributes:
        scene: The scene.
        target: Position of the target.
        cells: (N, 4) predicted cells.
        truth: (N,) true values, NaN where unknown.
        predicted: (N,) predicted values, NaN where there is no data.
    """

    scene: Scene
    target: int
    cells: NDArray[np.int64]
    truth: NDArray[np.float32]
    predicted: NDArray[np.float32]


def _read(scene: Scene, target: int) -> _Values | None:
    """Return the values of a scene; None for other kinds of labels."""
    source, store = scene.label_source, scene.label_store
    if not isinstance(source, ChipRegressionLabelSource):
        return None
    if not isinstance(store, ChipRegressionGeoJSONStore):
        return None
    predicted = store.get_labels()
    truth = source.values_at(predicted.cells)
    return _Values(scene, target, predicted.cells, truth[:, target], predicted.values[:, target])


def _range(maps: Sequence[_Values]) -> tuple[float, float]:
    """Return the least and the greatest value; 0 and 0 if none is known."""
    values = np.concatenate([np.concatenate([m.truth, m.predicted]) for m in maps])
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def _row(values: _Values, targets: Sequence[str], low: float, high: float) -> Row:
    scene = values.scene
    read_truth = partial(draw_cells, values.cells, values.truth, empty=np.nan)
    read_predicted = partial(draw_cells, values.cells, values.predicted, empty=np.nan)
    window = max(candidates(scene.extent), key=lambda w: _variety(read_truth(w)))
    chip = scene.raster_source.read(window)
    image = display_image(chip.pixels, chip.valid)

    def panel(drawn: NDArray[np.float32]) -> NDArray[np.uint8]:
        known = ~np.isnan(drawn)[..., None]
        return np.where(known, value_colors(drawn, low, high), image).astype(np.uint8)

    notes = [targets[values.target]] if len(targets) > 1 else []
    panels = image, panel(read_truth(window)), panel(read_predicted(window))
    return caption(scene, window, *notes), panels


def _variety(drawn: NDArray[np.float32]) -> float:
    """Return how much values differ: how much there is to see."""
    known = drawn[np.isfinite(drawn)]
    return float(known.std()) if len(known) else -1.0


def value_colors(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Turn values into colours.

    Args:
        values: Any shape.
        low: What has the first colour of RAMP.
        high: What has the last one.

    Returns:
        The shape of the values, with red, green and blue as a last axis.
    """
    shares = (np.nan_to_num(values.astype(float)) - low) / max(high - low, np.finfo(float).tiny)
    steps = np.linspace(0, 1, len(RAMP))
    bands = [np.interp(shares, steps, RAMP[:, band]) for band in range(3)]
    colors: NDArray[np.uint8] = np.rint(np.stack(bands, axis=-1)).astype(np.uint8)
    return colors


def _draw_bars(bars: Sequence[tuple[str, float, float]], draw: Any, x: int, y: int) -> None:
    width, height = BAR
    colors = value_colors(np.arange(width), 0, width - 1).tolist()
    for name, low, high in bars:
        left = f'{name}  {low:.4g}'
        start = x + int(draw.textlength(left, font_size=FONT_SIZE)) + GAP
        draw.text((x, y), left, fill='black', font_size=FONT_SIZE)
        for i, color in enumerate(colors):
            draw.line((start + i, y, start + i, y + height), fill=tuple(color))
        draw.text((start + width + GAP, y), f'{high:.4g}', fill='black', font_size=FONT_SIZE)
        y += CAPTION
