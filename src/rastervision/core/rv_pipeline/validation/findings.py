"""What is found out about scenes, as values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from shapely.geometry.base import BaseGeometry

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.validation import Problem

Use: TypeAlias = Literal['train', 'validation', 'test']
Unit: TypeAlias = Literal['pixels', 'boxes', 'cells', 'values']


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image.

    Attributes:
        height: Rows that are used.
        width: Columns that are used.
        channels: Channels of a chip.
        dtype: Of a chip, before transformers that need the statistics of ANALYZE.
        crs: Name of the CRS, such as 'EPSG:32633'; None without georeference.
        pixel_size: Height and width of a pixel in units of the CRS; None without georeference.
        unit: Unit of the CRS.
    """

    height: int
    width: int
    channels: int
    dtype: str
    crs: str | None
    pixel_size: tuple[float, float] | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What was seen in the windows of an image that were read.

    Attributes:
        share: Share of the image, or of its areas of interest, that was read.
        nodata: Share of what was read that has no data.
    """

    share: float
    nodata: float


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """Labels.

    Attributes:
        unit: What is counted.
        counts: How often each class occurs, by class id; how many cells have a value of each
            target for 'values'. Within the areas of interest, if there are any.
        is_estimate: Whether the counts are extrapolated from the windows that were read.
        overlap: Share of the image that the box around the labels covers.
    """

    unit: Unit
    counts: tuple[int, ...]
    is_estimate: bool
    overlap: float


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """The windows of a scene that a model learns from.

    Attributes:
        count: How many.
        kept: How many of them pass the filters of CHIP.
        is_exact: Whether ``kept`` is known, and not extrapolated from some of them.
        size: Largest height and width, in pixels.
    """

    count: int
    kept: int
    is_exact: bool
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PredictionFacts:
    """What PREDICT does for a scene.

    Attributes:
        windows: Windows that the model sees.
        rows_bytes: Memory for rows of windows whose results are joined.
        disk_bytes: Largest size of its rasters.
    """

    windows: int
    rows_bytes: int
    disk_bytes: int


@dataclass(slots=True)
class SceneFindings:
    """What was found out about a scene, as far as it went.

    Attributes:
        id: Name of the scene.
        uses: What it is for.
        area: The part of the image that is used, in its source pixel frame.
        aoi: Share of the image in areas of interest; None without any.
        names: The files of the scene. A problem of another scene that differs in files and
            numbers alone is of the same kind.
    """

    id: str
    uses: tuple[Use, ...]
    names: tuple[str, ...] = ()
    image: ImageFacts | None = None
    pixels: PixelFacts | None = None
    labels: LabelFacts | None = None
    windows: dict[Use, WindowFacts] = field(default_factory=dict)
    prediction: PredictionFacts | None = None
    area: BaseGeometry | None = None
    aoi: float | None = None
    problems: list[Problem] = field(default_factory=list)

    def add(self, message: object, *, is_error: bool) -> None:
        """Note a problem, once; that its message names the scene is left out."""
        name = re.escape(repr(self.id))
        text = re.sub(rf'^Scene {name}: ', '', str(message))
        text = re.sub(rf'^Scene {name}', 'it', text)
        text = re.sub(rf'\b(the )?scene {name}', 'the scene', text)
        problem = Problem(f'scene {self.id!r}', text, is_error, self._kind(text))
        if problem not in self.problems:
            self.problems.append(problem)

    def _kind(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, '')
        return re.sub(r'\d+(\.\d+)?', '', text)

    def error(self, error: Exception) -> None:
        """Note an exception; one that Raster Vision did not raise on purpose with its class."""
        known = isinstance(error, RVError)
        self.add(error if known else f'{type(error).__name__}: {error}', is_error=True)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note an error that Raster Vision raises on purpose, and go on behind the block."""
        try:
            yield
        except RVError as error:
            self.error(error)

    def warn(self, message: str) -> None:
        """Note something that looks wrong."""
        self.add(message, is_error=False)


def to_json(found: SceneFindings, class_names: Sequence[str]) -> dict[str, Any]:
    """Return findings for programs, without the problems."""
    image, pixels, labels = found.image, found.pixels, found.labels
    return {
        'id': found.id,
        'uses': list(found.uses),
        'image': None if image is None else _fields(image),
        'nodata': None if pixels is None else pixels.nodata,
        'share_read': None if pixels is None else pixels.share,
        'aoi': found.aoi,
        'labels': None
        if labels is None
        else _fields(labels) | {'counts': dict(zip(class_names, labels.counts, strict=False))},
        'windows': {use: _fields(windows) for use, windows in found.windows.items()},
        'prediction': None if found.prediction is None else _fields(found.prediction),
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
