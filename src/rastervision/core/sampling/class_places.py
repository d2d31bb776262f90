"""Where the classes of a scene lie, so that windows can be drawn around rare ones."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.data.utils.features import POLYGON, Geoms, split_parts
from rastervision.core.sampling.aoi_sampler import AoiSampler, polygon_parts

if TYPE_CHECKING:
    from rastervision.core.data.label_source import SemanticSegmentationLabelSource

BLOCK = 512
"""Side, in pixels, of the blocks of labels that are counted, and read again for a draw."""
LEAST_AREA = 1e-6
"""Area, in pixels, of what is left of a polygon after cutting; less is rounding."""
MOSTLY = 0.9
"""Share of a region from which on what polygons leave of it is looked for."""
CACHED_POLYGONS = 1024
"""Polygons that are kept as triangles."""


class ClassPlaces(ABC):
    """Labels by class, inside the part of a scene that windows are drawn from.

    Attributes:
        areas: Pixels of each class that has labels there.
    """

    areas: dict[int, float]

    @abstractmethod
    def sample(self, class_id: int, rng: np.random.Generator) -> Box:
        """Draw what a window is to hold: a pixel of a class, each one as likely as any other.

        Returns:
            A box of one pixel in the extent frame.
        """


class PolygonPlaces(ClassPlaces):
    """Where polygons lie. Where some of a class overlap, its pixels are likelier."""

    def __init__(
        self,
        geoms: Geoms,
        class_ids: NDArray[np.int64],
        region: Geoms,
        background: int | None = None,
    ) -> None:
        """Constructor.

        Args:
            geoms: (N,) polygons in the extent frame.
            class_ids: (N,) their classes.
            region: Polygons that do not overlap, to which the others are cut.
            background: Class of what no polygon of another class covers. It has places only where
                there is little of it: elsewhere, windows at any place are good enough.
        """
        polygons, index = cut_to(geoms, region)
        ids = class_ids[index]
        if background is not None:
            polygons, ids = _with_background(polygons, ids, background, region)
        self._polygons = polygons
        areas = shapely.area(polygons)
        self._members = {int(c): np.flatnonzero(ids == c) for c in np.unique(ids)}
        self._cumulative = {c: np.cumsum(areas[found]) for c, found in self._members.items()}
        self.areas = {c: float(cumulative[-1]) for c, cumulative in self._cumulative.items()}
        self._samplers: dict[int, AoiSampler] = {}

    def sample(self, class_id: int, rng: np.random.Generator) -> Box:
        """Draw a pixel of a class; its polygons come up by their areas."""
        cumulative = self._cumulative[class_id]
        k = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side='right'))
        polygon = int(self._members[class_id][min(k, len(cumulative) - 1)])
        if polygon not in self._samplers:
            if len(self._samplers) >= CACHED_POLYGONS:
                self._samplers.clear()
            self._samplers[polygon] = AoiSampler([self._polygons[polygon]])
        (x, y), *_ = np.floor(self._samplers[polygon].sample(1, rng)).astype(np.int64).tolist()
        return Box(y, x, y + 1, x + 1)


class RasterPlaces(ClassPlaces):
    """Where the pixels of classes lie in labels that are read block by block.

    Only the number of pixels of each class in each block is kept; a draw reads one block again.
    """

    def __init__(
        self, labels: 'SemanticSegmentationLabelSource', extent: Box, region: Geoms
    ) -> None:
        """Constructor; reads all labels in the region.

        Args:
            labels: Class ids of pixels.
            extent: Of the scene.
            region: Polygons; pixels outside of them do not count.
        """
        self._labels = labels
        self._inside = AOIMask(list(region))
        blocks = [box.intersection(extent) for box in extent.get_windows(BLOCK, BLOCK)]
        near = shapely.STRtree([box.to_shapely() for box in blocks]).query(region, 'intersects')[1]
        self._blocks = [blocks[i] for i in np.unique(near)]
        num_classes = len(labels.class_config)
        counts = np.zeros((len(self._blocks), num_classes), dtype=np.int64)
        for i, block in enumerate(self._blocks):
            ids = labels.get_label_arr(block)[self._inside(block)]
            counts[i] = np.bincount(ids, minlength=num_classes)
        self._cumulative = counts.cumsum(axis=0)
        totals = counts.sum(axis=0)
        self.areas = {int(c): float(totals[c]) for c in np.flatnonzero(totals)}

    def sample(self, class_id: int, rng: np.random.Generator) -> Box:
        """Draw a pixel of a class."""
        cumulative = self._cumulative[:, class_id]
        k = int(rng.integers(cumulative[-1]))
        i = int(np.searchsorted(cumulative, k, side='right'))
        block = self._blocks[i]
        hits = np.argwhere((self._labels.get_label_arr(block) == class_id) & self._inside(block))
        dy, dx = hits[k - (int(cumulative[i - 1]) if i else 0)].tolist()
        y, x = block.ymin + dy, block.xmin + dx
        return Box(y, x, y + 1, x + 1)


def cut_to(geoms: Geoms, region: Geoms) -> tuple[Geoms, NDArray[np.intp]]:
    """Cut polygons to polygons that do not overlap.

    Args:
        geoms: (N,) polygons.
        region: (M,) polygons.

    Returns:
        (P,) polygons, and which of `geoms` each is a part of.
    """
    index, part = shapely.STRtree(region).query(geoms, predicate='intersects')
    pieces = geoms[index]
    shapely.prepare(region)
    crossing = ~shapely.covers(region[part], pieces)
    pieces[crossing] = shapely.intersection(pieces[crossing], region[part[crossing]])
    pieces, origin = split_parts(pieces)
    keep = (shapely.get_type_id(pieces) == POLYGON) & (shapely.area(pieces) > LEAST_AREA)
    return pieces[keep], index[origin[keep]]


def _with_background(
    polygons: Geoms, class_ids: NDArray[np.int64], background: int, region: Geoms
) -> tuple[Geoms, NDArray[np.int64]]:
    """Polygons of the other classes, and what they leave of a region that they mostly cover."""
    others = class_ids != background
    polygons, class_ids = polygons[others], class_ids[others]
    if shapely.area(polygons).sum() < MOSTLY * shapely.area(region).sum():
        return polygons, class_ids
    rest = shapely.difference(shapely.union_all(region), shapely.union_all(polygons))
    parts = polygon_parts(rest)
    parts = parts[shapely.area(parts) > LEAST_AREA]
    ids = np.full(len(parts), background, dtype=np.int64)
    return np.concatenate([polygons, parts]), np.concatenate([class_ids, ids])
