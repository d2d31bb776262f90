"""Questions about many geometries that threads may ask at once.

The functions of these names in shapely change the filters of the `warnings` module while they
work, which belong to the process: see `rastervision.core.utils.quiet`.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry


def are_valid(geoms: ArrayLike) -> NDArray[np.bool_]:
    """(N,) whether each of (N,) geometries is valid; None is not."""
    return np.asarray(shapely.is_valid_reason(np.asarray(geoms)) == 'Valid Geometry')


def total_bounds(
    geoms: ArrayLike | Sequence[BaseGeometry | None],
) -> tuple[float, float, float, float]:
    """(xmin, ymin, xmax, ymax) of (N,) geometries together; NaN without any that has points."""
    bounds = shapely.bounds(np.asarray(geoms, dtype=object)).reshape(-1, 4)
    low = np.fmin.reduce(bounds[:, :2], initial=np.nan)
    high = np.fmax.reduce(bounds[:, 2:], initial=np.nan)
    return (*low.tolist(), *high.tolist())
