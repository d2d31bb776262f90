"""A label store of class maps, and what is in its files, for tests."""

import json
from pathlib import Path

import numpy as np
import shapely
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    RasterioCRSTransformer,
    SemanticSegmentationLabelStore,
)
from rastervision.core.prediction import ScoreTile

BBOX = Box(3, 5, 43, 55)
EXTENT = BBOX.extent
UTM = RasterioCRSTransformer(Affine(2, 0, 500_000, 0, -2, 5_000_000), 'EPSG:32633')
CLASSES = ClassConfig(names=['house', 'tree', 'null'], colors=['red', 'green', 'black'])


def store_at(uri, **kwargs):
    kwargs = {'crs_transformer': UTM, 'class_config': CLASSES, 'bbox': BBOX} | kwargs
    return SemanticSegmentationLabelStore(uri, **kwargs)


def write(store, scores, valid=None, heights=(7,)):
    """Write bands of the given heights, over and over."""
    valid = np.ones(scores.shape[1:], bool) if valid is None else valid
    with store.writer() as writer:
        y, i = 0, 0
        while y < scores.shape[1]:
            stop = min(scores.shape[1], y + heights[i % len(heights)])
            box = Box(y, 0, stop, scores.shape[2])
            writer.write(ScoreTile(box, scores[:, y:stop], valid[y:stop]))
            y, i = stop, i + 1


def polygons_in(path):
    features = json.loads(path.read_text(encoding='utf-8'))['features']
    return features, [shapely.geometry.shape(f['geometry']) for f in features]


def files_in(uri):
    return [p.relative_to(uri).as_posix() for p in sorted(Path(uri).rglob('*')) if p.is_file()]
