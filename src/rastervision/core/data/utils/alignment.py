"""Labels and images on one pixel grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.crs_transformer.crs_transformer import XY
from rastervision.core.data.utils.misc import describe_source
from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError

if TYPE_CHECKING:
    from rastervision.core.data.label_source.label_source import LabelSource
    from rastervision.core.data.label_store.label_store import LabelStore
    from rastervision.core.data.raster_source.raster_source import RasterSource

_TOLERANCE = 0.5  # pixels


def match_bboxes(raster_source: 'RasterSource', label_source: 'LabelSource | LabelStore') -> None:
    """Make labels cover the same ground as an image.

    Sets the bbox of the labels, in their own pixel frame, to the ground that the image's bbox
    covers.

    Raises:
        DataError: the labels are on another pixel grid (resolution, rotation or CRS), have no
            georeference and another size, or lie elsewhere.
    """
    image_bbox = raster_source.bbox
    own = label_source.bbox
    image_transformer = raster_source.crs_transformer
    label_transformer = label_source.crs_transformer
    if own is None or same_grid(image_transformer, label_transformer):
        bbox = image_bbox
    elif isinstance(label_transformer, IdentityCRSTransformer):
        bbox = _without_georeference(raster_source, label_source, own)
    elif isinstance(image_transformer, IdentityCRSTransformer):
        raise DataError(_image_without_georeference(raster_source, label_source))
    else:
        shift = pixel_shift(image_transformer, label_transformer, image_bbox, _TOLERANCE)
        if shift is None:
            raise DataError(_other_grid(raster_source, label_source))
        bbox = image_bbox.translate(*shift)
    labels_bbox = getattr(label_source, 'labels_bbox', None)
    if labels_bbox is not None and not _touch(labels_bbox, bbox):
        raise DataError(_no_overlap(raster_source, label_source, labels_bbox))
    label_source.set_bbox(bbox)


def same_grid(a: CRSTransformer, b: CRSTransformer) -> bool:
    """Whether pixel coordinates of both mean the same place."""
    if a is b:
        return True
    if isinstance(a, RasterioCRSTransformer) and isinstance(b, RasterioCRSTransformer):
        return bool(a.transform == b.transform) and to_crs(a.image_crs) == to_crs(b.image_crs)
    return False


@dataclass(frozen=True, eq=False, slots=True)
class PixelMap:
    """From pixel (x, y) arrays of one raster to those of another, not rounded."""

    there: CRSTransformer
    back: CRSTransformer

    @classmethod
    def between(cls, image: CRSTransformer, other: CRSTransformer) -> Self:
        return cls(_exact(image, image), _exact(other, image))

    def __call__(self, xy: XY) -> XY:
        x, y = self.back.map_to_pixel(self.there.pixel_to_map(xy))
        return x, y


def pixel_shift(
    image: CRSTransformer, other: CRSTransformer, bbox: Box, tolerance: float
) -> tuple[int, int] | None:
    """Whole-pixel (y, x) shift from pixels of one raster to those of another within a box.

    None when the grids differ by more than that: by more than `tolerance` pixels at a corner.
    """
    corners = bbox.to_points().astype(float)
    there = np.stack(PixelMap.between(image, other)((corners[:, 0], corners[:, 1])), axis=-1)
    shifts: NDArray[np.float64] = there - corners
    shift = np.round(shifts.mean(axis=0))
    if not np.isfinite(shifts).all() or np.abs(shifts - shift).max() > tolerance:
        return None
    return int(shift[1]), int(shift[0])


def _exact(transformer: CRSTransformer, image: CRSTransformer) -> CRSTransformer:
    """A transformer that does not round, with the image's CRS for its map coordinates."""
    if isinstance(transformer, RasterioCRSTransformer) and isinstance(
        image, RasterioCRSTransformer
    ):
        return transformer.variant(image.image_crs, round_pixels=False)
    return transformer


def _without_georeference(raster_source: Any, label_source: Any, own: Box) -> Box:
    """Labels without georeference must have the image's size."""
    image_bbox: Box = raster_source.bbox
    if own.size == image_bbox.size:
        return own
    if isinstance(raster_source.crs_transformer, IdentityCRSTransformer) and _covers(
        own, image_bbox
    ):
        return image_bbox
    raise DataError(
        f'{describe_source(label_source)} has no georeference and is {_size(own)}, but the image '
        f'{describe_source(raster_source)} is {_size(image_bbox)}, so the labels cannot be '
        'placed; give them the size of the image, or a georeference.'
    )


def _image_without_georeference(raster_source: Any, label_source: Any) -> str:
    return (
        f'The image {describe_source(raster_source)} has no georeference, but its labels '
        f'{describe_source(label_source)} have one ({_grid(label_source.crs_transformer)}), so '
        'they cannot be placed; give the image a georeference, or labels of its size without one.'
    )


def _covers(outer: Box, inner: Box) -> bool:
    return outer.intersection(inner) == inner


def _touch(labels: Box, image: Box) -> bool:
    """Whether the boxes share an area; one of a single point or line need only touch."""
    if labels.area:
        return labels.intersects(image)
    return max(labels.ymin, image.ymin) <= min(labels.ymax, image.ymax) and max(
        labels.xmin, image.xmin
    ) <= min(labels.xmax, image.xmax)


def _size(box: Box) -> str:
    return f'{box.height}x{box.width} pixels'


def _other_grid(raster_source: Any, label_source: Any) -> str:
    image, labels = describe_source(raster_source), describe_source(label_source)
    return (
        f'The labels {labels} ({_grid(label_source.crs_transformer)}) are on another pixel grid '
        f'than the image {image} ({_grid(raster_source.crs_transformer)}). Warp them to it, for '
        f'example: rio warp {labels} labels.tif --like {image} --resampling nearest'
    )


def _grid(transformer: CRSTransformer) -> str:
    if not isinstance(transformer, RasterioCRSTransformer):
        return 'no georeference'
    crs = to_crs(transformer.image_crs)
    t = transformer.transform
    name = 'no CRS' if crs is None else ':'.join(crs.to_authority() or (crs.name,))
    rotated = ', rotated' if t.b or t.d else ''
    return f'{name}, pixels of {abs(t.a):.6g} x {abs(t.e):.6g}{rotated}'


def _no_overlap(raster_source: Any, label_source: Any, labels_bbox: Box) -> str:
    image_ground = _ground(raster_source.crs_transformer, raster_source.bbox)
    labels_ground = _ground(label_source.crs_transformer, labels_bbox)
    return (
        f'The labels {describe_source(label_source)} do not overlap the image '
        f'{describe_source(raster_source)}: the labels lie in {labels_ground} and the image in '
        f'{image_ground} (xmin, ymin, xmax, ymax). Check that they belong together, and that '
        'longitude comes before latitude.'
    )


def _ground(transformer: CRSTransformer, bbox: Box) -> str:
    box = transformer.pixel_to_map(bbox)
    return '({:.6g}, {:.6g}, {:.6g}, {:.6g})'.format(*box.to_xyxy())
