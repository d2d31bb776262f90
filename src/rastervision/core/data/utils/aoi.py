"""Areas of interest as masks."""

from collections.abc import Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box


def aoi_mask(aoi_polygons: Sequence[BaseGeometry], window: Box) -> NDArray[np.bool_]:
    """Which pixels of a window have their centre in one of the polygons.

    Args:
        aoi_polygons: polygons in the frame of the window.
        window: integer box.

    Returns:
        (h, w) mask.
    """
    from rasterio.features import geometry_mask

    near = [p for p in aoi_polygons if not p.is_empty and window.intersects(Box.from_shapely(p))]
    if not near:
        return np.zeros(window.size, dtype=bool)
    mask: NDArray[np.bool_] = geometry_mask(
        near, window.size, Affine.translation(window.xmin, window.ymin), invert=True
    )
    return mask
