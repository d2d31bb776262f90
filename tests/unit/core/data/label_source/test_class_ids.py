"""The property class_id means the same to every task."""

import json

import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabelSource,
    ChipClassificationLabelSourceConfig,
    GeoJSONVectorSource,
    IdentityCRSTransformer,
    ObjectDetectionLabelSource,
    RasterizedSource,
)
from rastervision.pipeline.errors import DataError

EXTENT = Box(0, 0, 20, 20)
CELL = [[[2, 2], [8, 2], [8, 8], [2, 8], [2, 2]]]


@pytest.fixture
def vectors(tmp_path):
    def make(class_id):
        feature = {
            'type': 'Feature',
            'properties': {'class_id': class_id},
            'geometry': {'type': 'Polygon', 'coordinates': CELL},
        }
        path = tmp_path / 'labels.json'
        path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
        return GeoJSONVectorSource(str(path), IdentityCRSTransformer())

    return make


def drawn(source):
    return RasterizedSource(source, 0, bbox=EXTENT)[3:7, 3:7].max()


def cell(source):
    labels = ChipClassificationLabelSource(ChipClassificationLabelSourceConfig(), source, EXTENT)
    return labels.get_labels().get_class_ids()[0]


def box(source):
    return ObjectDetectionLabelSource(source, EXTENT).get_labels().get_class_ids()[0]


TASKS = pytest.mark.parametrize('class_of', [drawn, cell, box])


@TASKS
@pytest.mark.parametrize('value', [2, 2.0, '2', ' 2 '])
def test_whole_numbers_are_class_ids(vectors, class_of, value):
    assert class_of(vectors(value)) == 2


@TASKS
@pytest.mark.parametrize('value', [1.5, '1.5', 'x', '', True, -1, [1], float('nan'), 10**30])
def test_other_values_are_refused(vectors, class_of, value):
    with pytest.raises(DataError, match=r'labels\.json: the class_id .* of a feature') as e:
        class_of(vectors(value))
    assert repr(value) in str(e.value)


@TASKS
def test_a_missing_one_is_told(vectors, class_of):
    with pytest.raises(DataError, match=r'labels\.json: there are features without class_id'):
        class_of(vectors(None))


def test_what_is_drawn_fits_a_byte(vectors):
    assert drawn(vectors(255)) == 255
    with pytest.raises(DataError, match=r'labels\.json: the class_id 256 is not in 0\.\.255'):
        drawn(vectors(256))
