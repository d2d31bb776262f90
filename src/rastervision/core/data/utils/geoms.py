"""Questions about many geometries that threads may ask at once.

The functions of these names in shapely change the filters of the `warnings` module while they
work, which belong to the process: see `rastervision.core.utils.quiet`.
"""

import numpy as np
import shapely
from numpy.typing import NDArray


def are_valid(geoms: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(N,) whether each of (N,) geometries is valid; None is not."""
    return np.asarray(shapely.is_valid_reason(geoms) == 'Valid Geometry')


def total_bounds(geoms: NDArray[np.object_]) -> tuple[float, float, float, float]:
    """(xmin, ymin, xmax, ymax) of (N,) geometries together; NaN without any that has points."""
    bounds = shapely.bounds(geoms)
    low = np.fmin.reduce(bounds[:, :2], initial=np.nan)
    high = np.fmax.reduce(bounds[:, 2:], initial=np.nan)
    return (*low.tolist(), *high.tolist())
