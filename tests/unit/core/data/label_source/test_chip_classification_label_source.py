"""Classes of cells: read from cells, or inferred from polygons."""

import json

import numpy as np
import pytest
import shapely
from geopandas import GeoDataFrame
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabelSource,
    ChipClassificationLabelSourceConfig,
    ClassConfig,
    ClassificationLabel,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    IdentityCRSTransformer,
)
from rastervision.core.data.label_source.chip_classification_label_source import (
    infer_cells,
    read_labels,
)
from rastervision.core.rv_pipeline import PredictOptions
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['a', 'b', 'c', 'background'])
PIXELS = IdentityCRSTransformer()
EXTENT = Box(0, 0, 30, 30)

squares = st.builds(Box.make_square, st.integers(-10, 35), st.integers(-10, 35), st.integers(1, 20))
polygons = st.lists(st.tuples(squares, st.integers(0, 2)), max_size=8)


def source_of(tmp_path, shapes, properties, default_class_id=None):
    features = [
        {'type': 'Feature', 'geometry': shapely.geometry.mapping(shape), 'properties': row}
        for shape, row in zip(shapes, properties, strict=True)
    ]
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    inference = ClassInferenceTransformer(default_class_id, CLASSES)
    return GeoJSONVectorSource(str(path), PIXELS, [inference])


def by_hand(cell, shapes, ioa_thresh, over_cell, pick_min, background):
    """The class of a cell, one polygon after the other."""
    best = None
    for shape, class_id in shapes:
        shared = cell.intersection(shape).area if cell.intersects(shape) else 0
        share = shared / (cell.area if over_cell else shape.area)
        if cell.to_shapely().intersects(shape.to_shapely()) and share >= ioa_thresh:
            rank = (0 if pick_min else -share, class_id)
            best = rank if best is None else min(best, rank)
    return background if best is None else best[1]


@given(polygons, st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.booleans(), st.booleans())
def test_inference_is_what_it_is_by_hand(shapes, ioa_thresh, over_cell, pick_min):
    cells = EXTENT.get_windows(10, 10)
    table = GeoDataFrame(
        {'class_id': np.array([class_id for _, class_id in shapes], dtype=int)},
        geometry=[shape.to_shapely() for shape, _ in shapes],
    )
    options = (ioa_thresh, over_cell, pick_min, 3)
    labels = infer_cells(cells, table, *options)
    expected = [by_hand(cell, shapes, *options) for cell in cells]
    assert labels.get_class_ids() == expected
    assert labels.get_cells() == cells


@pytest.mark.parametrize('lazy', [False, True])
@pytest.mark.parametrize('bbox', [EXTENT, Box(5, 7, 35, 37)])
def test_cells_of_an_extent(tmp_path, lazy, bbox):
    shapes = [shapely.box(7, 5, 17, 15), shapely.box(27, 5, 32, 10)]  # first cell of bbox; third
    vectors = source_of(tmp_path, shapes, [{'class_id': 1}, {'class_id': 2}])
    cfg = ChipClassificationLabelSourceConfig(
        infer_cells=True, cell_sz=10, background_class_id=3, lazy=lazy
    )
    source = ChipClassificationLabelSource(cfg, vectors, bbox, lazy=lazy)
    assert (len(source.labels) == 0) == lazy
    if bbox != EXTENT:
        assert source[Box(0, 0, 10, 10)] == source[0:10, 0:10] == 1
        assert source[Box(0, 20, 10, 30)] == 2
        assert source[Box(20, 20, 30, 30)] == 3
        assert source[Box(0, 15, 12, 35)] == 2  # no cell, but the polygon is in it
    labels = source.get_labels()
    assert labels.get_cells() == bbox.extent.get_windows(10, 10)
    assert [source[cell] for cell in labels] == labels.get_class_ids()
    window = Box(3, 3, 8, 8)
    one = source.get_labels(window)
    assert one.get_cells() == [window]
    assert one.get_class_ids() == [source[window]]
    source.set_bbox(EXTENT)
    assert source.extent == EXTENT
    assert source.get_labels() == source.infer_cells()


@pytest.mark.parametrize('lazy', [False, True])
def test_cells_that_are_there_are_read(tmp_path, lazy):
    cells = [Box(10, 10, 20, 20), Box(10, 20, 20, 30), Box(90, 90, 100, 100)]
    rows = [{'class_id': 1, 'scores': [0.1, 0.9]}, {'class_name': 'c'}, {'class_id': 0}]
    vectors = source_of(tmp_path, [cell.to_shapely() for cell in cells], rows)
    bbox = Box(5, 5, 50, 50)
    cfg = ChipClassificationLabelSourceConfig(ioa_thresh=0.4)
    source = ChipClassificationLabelSource(cfg, vectors, bbox, lazy=lazy)
    labels = source.get_labels()
    assert labels.get_cells() == [cell.to_local_coords(bbox) for cell in cells[:2]]
    assert labels.get_values() == [
        ClassificationLabel(1, [0.1, 0.9]),
        ClassificationLabel(2, None),
    ]
    assert source[Box(5, 5, 15, 15)] == 1
    assert source[Box(4, 5, 10, 15)] == 1  # half of the cell is in it
    with pytest.raises(DataError, match=r'labels\.json: no class follows for the window \(30, '):
        source[Box(30, 30, 40, 40)]
    source.cfg.background_class_id = 3
    assert source[Box(30, 30, 40, 40)] == 3


def test_tables_of_cells():
    table = GeoDataFrame(
        {'class_id': [1, 0, 2], 'scores': [[0.1, 0.9], None, None]},
        geometry=[shapely.box(0, 0, 5, 5), shapely.box(5, 0, 10, 5), shapely.box(50, 50, 60, 60)],
    )
    labels = read_labels(table)
    assert labels.get_class_ids() == [1, 0, 2]
    assert labels[Box(0, 0, 5, 5)].scores == [0.1, 0.9]
    assert labels.get_cell_scores(Box(0, 5, 5, 10)) is None
    assert read_labels(table, bbox=Box(0, 0, 20, 20)).get_class_ids() == [1, 0]


@pytest.mark.parametrize(
    ('shape', 'row', 'message'),
    [
        (shapely.box(0, 0, 5, 5), {}, 'features without class_id; add a class_inference'),
        (shapely.Point(1, 2), {'class_id': 1}, r'features of type POINT.*buffer_transformer'),
    ],
)
def test_labels_that_cannot_be_used(tmp_path, shape, row, message):
    path = tmp_path / 'labels.json'
    feature = {'type': 'Feature', 'geometry': shapely.geometry.mapping(shape), 'properties': row}
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    cfg = ChipClassificationLabelSourceConfig()
    with pytest.raises(DataError, match=message):
        ChipClassificationLabelSource(cfg, GeoJSONVectorSource(str(path), PIXELS), EXTENT)
    good = ChipClassificationLabelSource(cfg, source_of(tmp_path, [], []), EXTENT)
    with pytest.raises(DataError, match=message):
        good.validate_labels(GeoDataFrame({**row}, geometry=[shape], index=[0]))


# --- config


def test_a_config_is_filled_and_built(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"type": "FeatureCollection", "features": []}')
    cfg = ChipClassificationLabelSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(uris=str(path)),
        infer_cells=True,
        background_class_id=3,
    )

    class Pipeline:
        predict_options = PredictOptions(chip_sz=15)

    cfg.update(pipeline=Pipeline())
    assert cfg.cell_sz == 15
    hints = [type(t) for t in cfg.vector_source.transformers]
    assert hints[0] is ClassInferenceTransformerConfig
    source = cfg.build(CLASSES, PIXELS, EXTENT)
    assert source.get_labels().get_class_ids() == [3] * 4


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'infer_cells': True}, 'infer_cells needs background_class_id'),
        ({'ioa_thresh': 1.5}, 'ioa_thresh'),
        ({'cell_sz': 0}, 'cell_sz'),
    ],
)
def test_fields_that_do_not_fit(fields, message):
    with pytest.raises(ConfigError, match=message):
        ChipClassificationLabelSourceConfig(**fields)


def test_what_building_needs(tmp_path):
    with pytest.raises(ConfigError, match='vector_source of the chip classification'):
        ChipClassificationLabelSourceConfig().build(CLASSES, PIXELS, EXTENT)
    vectors = GeoJSONVectorSourceConfig(uris='a.json')
    cfg = ChipClassificationLabelSourceConfig(
        vector_source=vectors, infer_cells=True, background_class_id=9
    )
    with pytest.raises(ConfigError, match=r'background_class_id of a label source: .* no class 9'):
        cfg.build(CLASSES, PIXELS, EXTENT)
    cfg.background_class_id = 0
    with pytest.raises(ConfigError, match='cell_sz'):
        ChipClassificationLabelSource(cfg, source_of(tmp_path, [], []), EXTENT)
