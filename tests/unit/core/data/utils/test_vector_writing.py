"""What is written in any format is read back the same."""

import json

import geopandas
import numpy as np
import pytest
import shapely

from rastervision.core.data.utils.features import as_geoms
from rastervision.core.data.utils.vector_io import read_features
from rastervision.core.data.utils.vector_writing import SUFFIXES, feature_writer, write_features

BOXES = as_geoms(shapely.box(np.arange(5), 0, np.arange(5) + 0.5, 1))
COLUMNS = {'class_id': np.arange(5), 'name': list('abcdé'), 'score': [0.5, None, 0.25, 1, 0]}


@pytest.fixture(params=sorted(SUFFIXES))
def file_format(request):
    if request.param == 'parquet':
        pytest.importorskip('pyarrow')
    return request.param


@pytest.mark.parametrize('crs', ['EPSG:4326', 'EPSG:32633'])
def test_features_come_back(tmp_path, file_format, crs) -> None:
    uri = str(tmp_path / f'out{SUFFIXES[file_format]}')
    write_features(uri, BOXES, COLUMNS, crs, file_format)
    features, found = read_features(uri)
    assert shapely.equals(features.geoms, BOXES).all()
    for name, values in COLUMNS.items():
        assert features.column(name) == list(values)
    assert found is None if crs == 'EPSG:4326' and file_format == 'geojson' else found == crs


def test_other_libraries_read_the_same(tmp_path, file_format) -> None:
    path = tmp_path / f'out{SUFFIXES[file_format]}'
    write_features(str(path), BOXES, COLUMNS, 'EPSG:32633', file_format)
    read = geopandas.read_parquet if file_format == 'parquet' else geopandas.read_file
    table = read(path)
    assert table.crs == 'EPSG:32633'
    assert table.geometry.geom_equals(geopandas.GeoSeries(BOXES, crs=table.crs)).all()
    assert table['name'].tolist() == COLUMNS['name']


def test_chunks_follow_one_another(tmp_path, file_format, monkeypatch) -> None:
    monkeypatch.setattr('rastervision.core.data.utils.vector_writing._CHUNK', 3)
    path = str(tmp_path / f'out{SUFFIXES[file_format]}')
    with feature_writer(path, 'EPSG:4326', file_format, {'class_name': 'a'}) as writer:
        for i in range(5):
            writer.add(BOXES[i : i + 1], {'i': [i]})
            writer.add(BOXES[:0], {'i': []})
    features, _ = read_features(path)
    assert features.column('i') == list(range(5))
    assert features.column('class_name') == ['a'] * 5


def test_a_file_without_features_is_a_file(tmp_path, file_format) -> None:
    uri = str(tmp_path / f'out{SUFFIXES[file_format]}')
    write_features(uri, BOXES[:0], {}, 'EPSG:32633', file_format)
    features, crs = read_features(uri)
    assert len(features) == 0
    assert crs == 'EPSG:32633'


def test_equal_features_give_equal_files(tmp_path, file_format) -> None:
    contents = []
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / f'out{SUFFIXES[file_format]}'
        write_features(str(path), BOXES, COLUMNS, 'EPSG:4326', file_format)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_an_error_leaves_no_file(tmp_path, file_format) -> None:
    path = tmp_path / f'out{SUFFIXES[file_format]}'
    with pytest.raises(ValueError, match="1 values of 'short' for 5 geometries"):
        write_features(str(path), BOXES, {'short': [1]}, 'EPSG:4326', file_format)
    assert list(tmp_path.iterdir()) == []


def test_pixels_have_no_crs(tmp_path, file_format) -> None:
    uri = str(tmp_path / f'out{SUFFIXES[file_format]}')
    write_features(uri, BOXES, None, None, file_format)
    assert read_features(uri)[1] is None


def test_geojson_is_valid_and_unescaped(tmp_path) -> None:
    path = tmp_path / 'out.json'
    write_features(str(path), BOXES, COLUMNS)
    text = path.read_text(encoding='utf-8')
    assert 'é' in text
    document = json.loads(text)
    assert document.keys() == {'type', 'features'}
    assert document['features'][1]['properties'] == {'class_id': 1, 'name': 'b', 'score': None}
