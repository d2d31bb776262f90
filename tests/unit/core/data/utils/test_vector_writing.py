"""What is written in any format is read back the same."""

import json

import geopandas
import numpy as np
import pytest
import shapely

from rastervision.core.data.utils.features import as_geoms
from rastervision.core.data.utils.vector_io import read_features
from rastervision.core.data.utils.vector_writing import SUFFIXES, feature_writer, write_features
from rastervision.pipeline.errors import DataError

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


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ([None, None, None, 1, 2], [None, None, None, 1, 2]),
        ([1, 2, 3, 1.75, 2.5], [1, 2, 3, 1.75, 2.5]),
        ([7, 7, 7, 'x', 'y'], ['7', '7', '7', 'x', 'y']),
        ([True, False, None, True, True], [True, False, None, True, True]),
        ([2**60 + 1, 2, 3, 4, 5], [2**60 + 1, 2, 3, 4, 5]),
        ([2**64, 2, 3, 4, 5], [str(2**64), '2', '3', '4', '5']),
    ],
)
def test_types_are_those_of_all_features(
    tmp_path, file_format, values, expected, monkeypatch
) -> None:
    monkeypatch.setattr('rastervision.core.data.utils.vector_writing._CHUNK', 3)
    uri = str(tmp_path / f'out{SUFFIXES[file_format]}')
    write_features(uri, BOXES, {'v': values}, 'EPSG:4326', file_format)
    expected = values if file_format == 'geojson' else expected
    assert read_features(uri)[0].column('v') == expected


@pytest.mark.parametrize('later', ['x', 1.5])
def test_later_chunks_of_another_type_are_refused(tmp_path, later, monkeypatch) -> None:
    monkeypatch.setattr('rastervision.core.data.utils.vector_writing._CHUNK', 2)
    path = str(tmp_path / 'out.gpkg')
    writer = feature_writer(path, 'EPSG:4326', 'gpkg').__enter__()
    writer.add(BOXES[:2], {'v': [1, None]})
    with pytest.raises(DataError, match="column 'v' holds values of the type int"):
        writer.add(BOXES[2:4], {'v': [1, later]})


def test_bytes_do_not_depend_on_how_features_were_fed(tmp_path, file_format, monkeypatch) -> None:
    monkeypatch.setattr('rastervision.core.data.utils.vector_writing._CHUNK', 2)
    contents = []
    for sizes in ([5], [1, 1, 1, 1, 1], [3, 2], [1, 4]):
        path = tmp_path / f'out{SUFFIXES[file_format]}'
        path.unlink(missing_ok=True)
        with feature_writer(str(path), 'EPSG:4326', file_format) as writer:
            ends = np.cumsum(sizes)
            for start, end in zip(ends - sizes, ends, strict=True):
                writer.add(BOXES[start:end], {'i': np.arange(start, end)})
        contents.append(path.read_bytes())
    assert len({*contents}) == 1


def test_names_of_the_format_are_free_for_properties(tmp_path, file_format) -> None:
    uri = str(tmp_path / f'out{SUFFIXES[file_format]}')
    names = {'geom': 'a', 'FID': 'b', 'geometry': 'c'}
    columns = {name: [value] * 5 for name, value in names.items()}
    write_features(uri, BOXES, columns, 'EPSG:4326', file_format)
    features, _ = read_features(uri)
    assert features.properties == [names] * 5
    assert shapely.equals(features.geoms, BOXES).all()


def test_geojson_has_null_for_what_json_cannot_say(tmp_path) -> None:
    path = tmp_path / 'out.json'
    columns = {'v': [np.nan, 1.5], 'w': [[np.inf, 1], {'a': -np.inf}]}
    write_features(str(path), as_geoms([None, shapely.Point(1, 2)]), columns)
    first, second = json.loads(path.read_text(), parse_constant=pytest.fail)['features']
    assert first == {'type': 'Feature', 'geometry': None, 'properties': {'v': None, 'w': [None, 1]}}
    assert second['properties'] == {'v': 1.5, 'w': {'a': None}}
