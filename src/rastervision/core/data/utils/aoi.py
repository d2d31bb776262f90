"""Areas of interest as masks."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.features import as_geoms
from rastervision.core.data.utils.rasterizing import rasterize_polygons


class AOIMask:
    """Tells the pixels of areas of interest, window by window; keep it for many windows."""

    def __init__(self, polygons: Sequence[BaseGeometry]) -> None:
        """Constructor.

        Args:
            polygons: polygons in the frame of the windows.
        """
        self._polygons = shapely.get_parts(as_geoms(polygons))
        self._tree = shapely.STRtree(self._polygons)

    def __call__(self, window: Box) -> NDArray[np.bool_]:
        """Return the (h, w) mask of the pixels of a window whose centre is in a polygon."""
        near = self._polygons[np.sort(self._tree.query(window.to_shapely()))]
        values = np.ones(len(near), dtype=np.uint8)
        return rasterize_polygons(near, values, window, background=0).view(bool)
