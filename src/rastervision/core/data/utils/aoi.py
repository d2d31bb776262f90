"""Areas of interest as masks."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.rasterizing import rasterize_polygons


def aoi_mask(aoi_polygons: Sequence[BaseGeometry], window: Box) -> NDArray[np.bool_]:
    """Which pixels of a window have their centre in one of the polygons.

    Args:
        aoi_polygons: polygons in the frame of the window.
        window: integer box.

    Returns:
        (h, w) mask.
    """
    polygons = shapely.get_parts(np.array(aoi_polygons, dtype=object))
    near = polygons[shapely.intersects(shapely.envelope(polygons), window.to_shapely())]
    values = np.ones(len(near), dtype=np.uint8)
    return rasterize_polygons(near, values, window, background=0).view(bool)
