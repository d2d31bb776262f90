"""Scores and polygons that release 0.31 wrote for a real scene, made again from its data.

`data/ss_0_31.npz` holds the building scores of a scene (uint8) and the polygons of that class, in
pixels, that the release made of its full scores with denoise=3 (it placed them half a pixel off).
`data/ss_0_31_eval.json` is its eval.json for two scenes.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize

from rastervision.core.data import ClassConfig, PolygonVectorOutputConfig
from rastervision.core.evaluation import SemanticSegmentationEvaluation

DATA = Path(__file__).parent / 'data'


def as_set(polygons):
    return {shapely.normalize(p).wkb for p in polygons}


def test_polygons_are_those_of_the_release():
    with np.load(DATA / 'ss_0_31.npz') as data:
        scores, wkt = data['building_score_54'], str(data['polygons_54'])
    expected = shapely.from_wkt(wkt.split('\n'))
    drawn = rasterize(expected, scores.shape).astype(bool)
    # the default threshold is 1 / 3 (two classes and null), which uint8 scores of 85 straddle
    mask = (scores > 85) | ((scores == 85) & drawn)
    vectorizer = PolygonVectorOutputConfig(class_id=0, denoise=3).build(mask.shape[1])
    bands = [vectorizer.add(mask[y : y + 100]) for y in range(0, len(mask), 100)]
    polygons = np.concatenate([*bands, vectorizer.finish()])
    assert as_set(polygons) == as_set(expected)


def assert_contains(ours, theirs, path=''):
    """Every key of the release is there with the same value; ours may have more."""
    if isinstance(theirs, dict):
        assert list(theirs) == [key for key in ours if key in theirs], path
        for key, value in theirs.items():
            assert_contains(ours[key], value, f'{path}/{key}')
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_contains(our, their, f'{path}/{i}')
    else:
        number = isinstance(theirs, float)
        assert ours == (pytest.approx(theirs, rel=1e-12) if number else theirs), path


def test_eval_json_follows_from_its_confusion_matrices():
    theirs = json.loads((DATA / 'ss_0_31_eval.json').read_text())
    classes = ClassConfig(names=['building', 'background', 'null'])
    total = SemanticSegmentationEvaluation(classes)
    for scene_id, items in theirs['per_scene'].items():
        scene = SemanticSegmentationEvaluation(classes)
        scene.set_confusion(np.array(items[-1]['conf_mat'], dtype=np.int64))
        total.merge(scene, scene_id=scene_id)
    assert_contains(json.loads(json.dumps(total.to_json(), allow_nan=False)), theirs)
