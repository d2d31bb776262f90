"""Writing class maps, scores and polygons of a scene as they come, in bands of rows."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label_store.banded_geotiff import BandedGeoTiff
from rastervision.core.data.label_store.label_store import LabelWriter
from rastervision.core.data.label_store.vector_output import PolygonWriter, VectorOutputConfig
from rastervision.core.prediction.tiles import ScoreTile, best_class
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.file_system import atomic_path

MaskOf: TypeAlias = Callable[[VectorOutputConfig], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """What to write for a scene.

    Attributes:
        labels: URI of the class raster; None for none.
        scores: URI of the score raster; None for none.
        vectors: URIs of the vector outputs.
        rgb: whether the class raster holds colours instead of ids.
        scores_as_uint8: whether scores are 0..255 instead of float32.
        block_size: side of the tiles of rasters, in pixels.
        profile: rasterio creation options that replace ours.
    """

    labels: str | None
    scores: str | None
    vectors: Sequence[tuple[str, VectorOutputConfig]] = ()
    rgb: bool = False
    scores_as_uint8: bool = False
    block_size: int = 512
    profile: dict[str, Any] | None = None


class SemanticSegmentationWriter(LabelWriter):
    """Writes the outputs of one scene from bands of scores, from top to bottom.

    All files appear when the `with` block ends well, the class raster last. Memory holds one row of
    tiles of every raster and the polygons that are not finished.
    """

    def __init__(
        self,
        files: OutputFiles,
        extent: Box,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
    ) -> None:
        """Constructor.

        Args:
            files: what to write.
            extent: Box(0, 0, height, width) of the scene.
            class_config: names and colours of the classes.
            crs_transformer: of the image.
            bbox: where the extent lies in the image; its upper left corner when None.
        """
        self._files = files
        self._extent = extent
        self._class_config = class_config
        self._crs_transformer = crs_transformer
        self._bbox = bbox or extent
        self._row = 0
        self._stack = ExitStack()
        self._labels: BandedGeoTiff | None = None
        self._scores: BandedGeoTiff | None = None
        self._vectors: list[tuple[VectorOutputConfig, PolygonWriter]] = []

    def __enter__(self) -> Self:
        files, classes = self._files, self._class_config
        with ExitStack() as stack:
            # what is entered first is finished last
            if files.labels is not None:
                kw: dict[str, Any] = {'count': 3, 'photometric': 'RGB'} if files.rgb else {}
                self._labels = self._raster(stack, files.labels, kw)
                self._labels.describe_classes(classes, palette=not files.rgb)
            if files.scores is not None:
                self._scores = self._raster(stack, files.scores, self._scores_profile())
                self._scores.describe_bands(classes)
            for uri, config in files.vectors:
                properties = {
                    'class_id': config.class_id,
                    'class_name': classes.get_name(config.class_id),
                }
                writer = PolygonWriter(
                    stack.enter_context(atomic_path(uri)),
                    config.build(self._extent.width),
                    self._crs_transformer,
                    self._bbox,
                    properties,
                )
                self._vectors.append((config, stack.enter_context(writer)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            self._stack.__exit__(exc_type, exc, traceback)
            return
        with self._stack:
            # an error in here makes every file go away
            if self._row != self._extent.height:
                raise StageError(
                    f'Only {self._row} of {self._extent.height} rows of predictions came for '
                    f'{self._files.labels or self._files.scores}; it is not written.'
                )

    def write(self, tile: ScoreTile) -> None:
        """Write the next band.

        Args:
            tile: scores of whole rows that follow on those before. Where it is not valid, the
                pixels go to the null class.
        """
        self._check_next(tile.box)
        scores = tile.scores
        if not tile.valid.all():
            null_id = self._null_id()
            scores = scores.copy()
            scores[:, ~tile.valid] = 0
            scores[null_id, ~tile.valid] = 1
        labels, _ = best_class(scores)

        def mask_of(output: VectorOutputConfig) -> NDArray[np.bool_]:
            if output.threshold is None and self._scores is None:
                return np.asarray(labels == output.class_id)
            least = 1 / len(scores) if output.threshold is None else output.threshold
            return np.asarray(scores[output.class_id] >= least)

        self._write(labels, scores, mask_of)

    def write_labels(self, box: Box, labels: NDArray[Any], mask_of: MaskOf) -> None:
        """Write the next band of labels that are already there, without scores.

        Args:
            box: whole rows that follow on those before.
            labels: (h, W) class ids, -1 for pixels without label.
            mask_of: gives the (h, W) mask for a vector output.
        """
        self._check_next(box)
        if labels.dtype != np.uint8:
            missing = labels < 0
            if missing.any():
                labels[missing] = self._null_id()
            labels = labels.astype(np.uint8)
        self._write(labels, None, mask_of)

    def _write(
        self, labels: NDArray[np.uint8], scores: NDArray[np.float32] | None, mask_of: MaskOf
    ) -> None:
        if self._labels is not None:
            colors = np.array(self._class_config.color_triples, dtype=np.uint8).T
            self._labels.add(colors[:, labels] if self._files.rgb else labels[None])
        if self._scores is not None and scores is not None:
            self._scores.add(to_uint8(scores) if self._files.scores_as_uint8 else scores)
        for config, writer in self._vectors:
            writer.add(mask_of(config))
        self._row += len(labels)

    def _check_next(self, box: Box) -> None:
        if (box.ymin, box.xmin, box.width) != (self._row, 0, self._extent.width):
            raise ValueError(
                f'Expected whole rows of {self._extent.width} pixels from row {self._row} on, '
                f'got {box}.'
            )

    def _null_id(self) -> int:
        if self._class_config.null_class is None:
            raise ConfigError(
                'There are pixels without data or label but no class for them: name the null_class '
                'of the class config, or call its ensure_null_class().'
            )
        return self._class_config.null_class_id

    def _scores_profile(self) -> dict[str, Any]:
        # four bands of uint8 would be taken for a picture with alpha
        profile: dict[str, Any] = {
            'count': len(self._class_config),
            'photometric': 'minisblack',
        }
        if not self._files.scores_as_uint8:
            # float scores hardly get smaller by compression, but take eight times as long
            profile |= {'dtype': 'float32', 'compress': None}
        return profile

    def _raster(self, stack: ExitStack, uri: str, profile: dict[str, Any]) -> BandedGeoTiff:
        path = stack.enter_context(atomic_path(uri))
        profile = {
            'driver': 'GTiff',
            'height': self._extent.height,
            'width': self._extent.width,
            'count': 1,
            'dtype': 'uint8',
            'compress': 'deflate',
            'zlevel': 1,  # more takes up to eight times as long for hardly smaller files
            'interleave': 'band',
            'tiled': True,
            'blockxsize': self._files.block_size,
            'blockysize': self._files.block_size,
            'bigtiff': 'if_safer',
            'crs': self._crs_transformer.image_crs,
            'transform': extent_transform(self._crs_transformer, self._bbox),
            **profile,
            **(self._files.profile or {}),
        }
        return stack.enter_context(BandedGeoTiff(path, uri, profile))


def to_uint8(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(C, h, w) scores of [0, 1] as the nearest of 0..255."""
    out = np.empty(scores.shape, dtype=np.uint8)
    for score, target in zip(scores, out, strict=True):  # one class at a time, for the memory
        scaled = score * np.float32(255)
        np.rint(scaled, out=scaled)
        np.copyto(target, scaled, casting='unsafe')
    return out


def extent_transform(crs_transformer: CRSTransformer, bbox: Box) -> Affine | None:
    """Affine transform of a raster that covers `bbox` (source pixel frame) of an image.

    None when it would say nothing.
    """
    x, y = bbox.xmin, bbox.ymin
    a, b, c, d, e, f = (crs_transformer.transform or Affine.identity())[:6]
    transform = Affine(a, b, a * x + b * y + c, d, e, d * x + e * y + f)
    return None if transform == Affine.identity() else transform
