"""The files of polygons: their names, and what is in them."""

import json

import numpy as np
import pytest
import shapely

from rastervision.core.data import (
    BuildingVectorOutputConfig,
    ClassConfig,
    IdentityCRSTransformer,
    PolygonVectorOutputConfig,
)
from rastervision.core.data.label_store.vector_output import PolygonWriter


@pytest.mark.parametrize(
    ('class_name', 'file_name'),
    [
        ('house', 'class-1-house.json'),
        ('größeres Haus', 'class-1-größeres Haus.json'),
        ('road/path', 'class-1-road_path.json'),
        ('../../evil', 'class-1-.._.._evil.json'),
        ('a\\b:c\n', 'class-1-a_b_c_.json'),
    ],
)
def test_class_names_become_file_names(class_name, file_name):
    classes = ClassConfig(names=['other', class_name])
    assert PolygonVectorOutputConfig(class_id=1).file_name(classes) == file_name


# ---- what polygons are written


def written(config, mask, tmp_path):
    """Polygons in pixels that a config makes of a mask."""
    path = tmp_path / 'polygons.json'
    vectorizer = config.build(mask.shape[1])
    crs, simplify = IdentityCRSTransformer(), config.simplify
    with PolygonWriter(str(path), vectorizer, crs, None, {}, simplify) as writer:
        for rows in np.array_split(mask, 3):
            writer.add(rows)
    features = json.loads(path.read_text(encoding='utf-8'))['features']
    return [shapely.geometry.shape(feature['geometry']) for feature in features]


@pytest.fixture
def mask():
    """Blobs of many sizes, with holes."""
    rng = np.random.default_rng(0)
    noise = rng.random((15, 20)).repeat(8, 0).repeat(8, 1) + 0.3 * rng.random((120, 160))
    return noise > 0.75


def test_small_polygons_are_left_out(mask, tmp_path):
    every = written(PolygonVectorOutputConfig(class_id=0, denoise=0), mask, tmp_path)
    assert any(polygon.area < 40 for polygon in every)
    config = PolygonVectorOutputConfig(class_id=0, denoise=0, min_area=40)
    assert written(config, mask, tmp_path) == [p for p in every if p.area >= 40]


@pytest.mark.parametrize('kind', [PolygonVectorOutputConfig, BuildingVectorOutputConfig])
@pytest.mark.parametrize('tolerance', [0.8, 3])
def test_simplified_outlines_stay_near(kind, tolerance, mask, tmp_path):
    exact = written(kind(class_id=0, denoise=3), mask, tmp_path)
    simple = written(kind(class_id=0, denoise=3, simplify=tolerance), mask, tmp_path)
    assert len(simple) == len(exact)
    assert all(polygon.is_valid for polygon in simple)
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(exact).sum()
    for before, after in zip(exact, simple, strict=True):
        assert len(before.interiors) == len(after.interiors)
        assert after.boundary.hausdorff_distance(before.boundary) <= 2 * tolerance
