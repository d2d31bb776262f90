"""A picture of image, truth and prediction side by side, for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStore,
    ChipClassificationLabels,
    ChipClassificationLabelSource,
    ClassConfig,
    ObjectDetectionGeoJSONStore,
    ObjectDetectionLabels,
    ObjectDetectionLabelSource,
    Scene,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelStore,
)
from rastervision.core.data.label_source.object_detection_label_source import ANY_PART
from rastervision.pipeline.file_system import atomic_path

if TYPE_CHECKING:
    from PIL import Image

MAX_SCENES = 4
MAX_SIDE = 512
"""Larger scenes are shown by the part that has most to tell."""
GAP = 8
CAPTION = 22
FONT_SIZE = 14
MIN_WIDTH = 400
"""Leaves room for the legend below small scenes."""
TITLES = ('image', 'truth', 'prediction')
PNG_LEVEL = 6
MAX_BOXES = 100
"""More predicted boxes hide the image, so the best of them are drawn."""
NO_LABEL = -1
"""Shown black for pixels; the image is seen between cells and outlines of boxes."""
CELL_OPACITY = 0.5

ReadMap: TypeAlias = Callable[[Box], NDArray[np.integer[Any]]]
Panels: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
Row: TypeAlias = tuple[str, Panels]
"""A caption, and the pictures (H, W, 3) of TITLES."""
Item = TypeVar('Item')
Number = TypeVar('Number', bound=np.generic)


def write_preview(scenes: Sequence[Scene], class_config: ClassConfig, uri: str) -> None:
    """Draw up to four scenes, a row each: image, truth, prediction.

    Args:
        scenes: Scenes with labels whose predictions are in their label stores.
        class_config: Gives the colours.
        uri: Where to write the PNG file.
    """
    shown = spread(scenes, MAX_SCENES)
    rows = [row for scene in shown if (row := _row(scene, class_config)) is not None]
    write_rows(rows, uri, partial(_draw_legend, class_config))


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return ``count`` items spread over the list, in its order."""
    step = max(1, len(items) / count)
    return [items[int(i * step)] for i in range(min(count, len(items)))]


def _row(scene: Scene, class_config: ClassConfig) -> Row | None:
    """Return the scene's id and its (H, W, 3) panels; None for other kinds of labels."""
    maps = _class_maps(scene)
    if maps is None:
        return None
    read_truth, read_predicted = maps
    window = max(candidates(scene.extent), key=lambda w: _variety(read_truth(w)))
    palette = np.array([*class_config.rgb_colors, (0, 0, 0)], dtype=np.uint8)
    chip = scene.raster_source.read(window)
    image = display_image(chip.pixels, chip.valid)
    is_map = isinstance(scene.label_source, SemanticSegmentationLabelSource)
    is_cells = isinstance(scene.label_source, ChipClassificationLabelSource)
    opacity = CELL_OPACITY if is_cells else 1

    def panel(class_ids: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        known = np.minimum(class_ids.astype(np.int64), len(class_config))  # that one is black, too
        share = np.where(is_map | (class_ids != NO_LABEL), opacity, 0)[..., None]
        return np.rint(share * palette[known] + (1 - share) * image).astype(np.uint8)

    count = read_predicted.count(window) if isinstance(read_predicted, _BestBoxes) else 0
    notes = [f'best {MAX_BOXES} of {count}'] if count > MAX_BOXES else []
    panels = image, panel(read_truth(window)), panel(read_predicted(window))
    return caption(scene, window, *notes), panels


def caption(scene: Scene, window: Box, *notes: str) -> str:
    """Name a scene, and say when it is not shown whole."""
    told = [*(['part'] if window != scene.extent else []), *notes]
    return f'{scene.id} ({", ".join(told)})' if told else scene.id


def _class_maps(scene: Scene) -> tuple[ReadMap, ReadMap] | None:
    """Return what gives the true and the predicted class ids (H, W) of a window, NO_LABEL for none.

    None for other kinds of labels.
    """
    labels, store = scene.label_source, scene.label_store
    if isinstance(labels, SemanticSegmentationLabelSource) and isinstance(
        store, SemanticSegmentationLabelStore
    ):
        return labels.get_label_arr, store.get_label_arr
    if isinstance(labels, ChipClassificationLabelSource) and isinstance(
        store, ChipClassificationGeoJSONStore
    ):
        truth, predicted = labels.get_labels(), store.get_labels()
        return _cell_map(truth), _cell_map(predicted)
    if isinstance(labels, ObjectDetectionLabelSource) and isinstance(
        store, ObjectDetectionGeoJSONStore
    ):
        return partial(_draw_outlines, labels.get_labels()), _BestBoxes(store.get_labels())
    return None


@dataclass(frozen=True, slots=True)
class _BestBoxes:
    """Draws the best of predicted boxes."""

    labels: ObjectDetectionLabels

    def __call__(self, window: Box) -> NDArray[np.int32]:
        near = self._near(window)
        best = np.argsort(-near.get_scores(), kind='stable')[:MAX_BOXES]
        return _draw_outlines(near.take(best), window)

    def count(self, window: Box) -> int:
        """Return how many boxes there are in a window."""
        return len(self._near(window))

    def _near(self, window: Box) -> ObjectDetectionLabels:
        return ObjectDetectionLabels.get_overlapping(self.labels, window, ANY_PART)


def _cell_map(labels: ChipClassificationLabels) -> ReadMap:
    return partial(draw_cells, labels.cells, labels.class_ids, empty=NO_LABEL)


def draw_cells(
    cells: NDArray[np.int64], values: NDArray[Number], window: Box, empty: float
) -> NDArray[Number]:
    """Return a picture (H, W) of the cells in a window.

    Args:
        cells: (N, 4) ymin, xmin, ymax, xmax.
        values: (N,) what is drawn for each of them; later ones cover earlier ones.
        window: What is drawn of the frame of the cells.
        empty: What is drawn elsewhere.
    """
    drawn = np.full(window.size, empty, dtype=values.dtype)
    ymin, xmin, ymax, xmax = (cells - [window.ymin, window.xmin] * 2).T
    near = (ymin < window.height) & (xmin < window.width) & (ymax > 0) & (xmax > 0)
    sides = np.maximum(np.stack([ymin, ymax, xmin, xmax], axis=-1)[near], 0)
    for (y0, y1, x0, x1), value in zip(sides, values[near], strict=True):
        drawn[y0:y1, x0:x1] = value
    return drawn


def _draw_outlines(labels: ObjectDetectionLabels, window: Box) -> NDArray[np.int32]:
    """Return the class ids (H, W) on the outlines of the boxes in a window."""
    drawn = np.full((window.height + 2, window.width + 2), NO_LABEL, dtype=np.int32)  # one around
    near = ObjectDetectionLabels.get_overlapping(labels, window, ANY_PART, clip=True)
    corners = np.round(ObjectDetectionLabels.global_to_local(near.get_npboxes(), window))
    sides = (corners.astype(np.int64) + 1).tolist()
    for (y0, x0, y1, x1), class_id in zip(sides, near.get_class_ids().tolist(), strict=True):
        drawn[[y0, y1 - 1], x0:x1] = class_id
        drawn[y0:y1, [x0, x1 - 1]] = class_id
    return drawn[1:-1, 1:-1]


def candidates(extent: Box) -> list[Box]:
    """Return the extent itself, or windows of it that are not larger than can be shown."""
    height, width = min(extent.height, MAX_SIDE), min(extent.width, MAX_SIDE)
    ys = np.linspace(0, extent.height - height, 3 if extent.height > height else 1)
    xs = np.linspace(0, extent.width - width, 3 if extent.width > width else 1)
    return [Box(int(y), int(x), int(y) + height, int(x) + width) for y in ys for x in xs]


def _variety(label_arr: NDArray[np.integer[Any]]) -> float:
    """Return the entropy of the classes: how much there is to see."""
    share = np.bincount(label_arr.ravel().astype(np.int64) - NO_LABEL) / label_arr.size
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def display_image(pixels: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Turn any chip into a picture.

    Args:
        pixels: (H, W, C); the first three channels are shown, or the first one in grey. Of a time
            series (T, H, W, C), the first time is shown.
        valid: (H, W) or (T, H, W), False where there is no data, which is shown black.

    Returns:
        (H, W, 3). Bytes stay as they are; other values are stretched between their second and
        98th percentile, channel by channel.
    """
    if pixels.ndim > 3:
        pixels, valid = pixels[0], valid[0]
    chosen = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., [0, 0, 0]]
    if chosen.dtype == np.uint8:
        return np.where(valid[..., None], chosen, 0).astype(np.uint8)
    values = np.nan_to_num(np.abs(chosen).astype(np.float64))
    if not valid.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = np.percentile(values[valid], [2, 98], axis=0)
    scaled = (values - low) / np.maximum(high - low, np.finfo(float).tiny) * 255
    return np.where(valid[..., None], np.clip(scaled, 0, 255), 0).astype(np.uint8)


def write_rows(
    rows: Sequence[Row], uri: str, draw_legend: Callable[[Any, int, int], None], lines: int = 1
) -> None:
    """Write rows of pictures to a PNG file; no row, no file.

    Args:
        rows: The rows.
        uri: Where to write.
        draw_legend: Draws what is below the rows: it gets a `PIL.ImageDraw.ImageDraw`, x and y.
        lines: How many lines of text that is.
    """
    if rows:
        with atomic_path(uri) as path:
            picture = _draw(rows, draw_legend, lines)
            picture.save(path, format='PNG', compress_level=PNG_LEVEL)


def _draw(
    rows: Sequence[Row], draw_legend: Callable[[Any, int, int], None], lines: int
) -> 'Image.Image':
    from PIL import Image, ImageDraw

    panel = max(panels[0].shape[1] for _, panels in rows)
    width = max(len(TITLES) * (panel + GAP) + GAP, MIN_WIDTH)
    height = sum(panels[0].shape[0] + CAPTION + GAP for _, panels in rows) + lines * CAPTION + GAP
    picture = Image.new('RGB', (width, height), 'white')
    draw = ImageDraw.Draw(picture)
    y = GAP
    for caption, panels in rows:
        for i, (title, pixels) in enumerate(zip(TITLES, panels, strict=True)):
            x = GAP + i * (panel + GAP)
            draw.text((x, y), f'{caption}: {title}', fill='black', font_size=FONT_SIZE)
            picture.paste(Image.fromarray(pixels), (x, y + CAPTION))
        y += panels[0].shape[0] + CAPTION + GAP
    draw_legend(draw, GAP, y)
    return picture


def _draw_legend(class_config: ClassConfig, draw: Any, x: int, y: int) -> None:
    for name, color in zip(class_config.names, class_config.rgb_colors, strict=True):
        draw.rectangle((x, y, x + 14, y + 14), fill=color, outline='black')
        draw.text((x + 20, y), name, fill='black', font_size=FONT_SIZE)
        x += 40 + int(draw.textlength(name, font_size=FONT_SIZE))
