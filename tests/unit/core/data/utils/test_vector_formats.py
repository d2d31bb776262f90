"""Vector files of every format hold the same features; what is wrong with one is said."""

import datetime as dt
import decimal
import json
import logging
import struct
import sys
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely.geometry import MultiPolygon, Point, Polygon, box

from rastervision.core.data.utils.ogr_files import features_from_wkb
from rastervision.core.data.utils.vector_io import read_features
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

BOXES = [box(i, 2 * i, i + 0.5, 2 * i + 0.5) for i in range(4)]
TABLE = geopandas.GeoDataFrame(
    {'class_id': [0, 1, 0, 1], 'name': ['a', None, 'c', 'd'], 'height': [1.5, 2.0, np.nan, 4.0]},
    geometry=BOXES,
    crs='EPSG:4326',
)
ROWS = [
    {'class_id': 0, 'name': 'a', 'height': 1.5},
    {'class_id': 1, 'height': 2.0},
    {'class_id': 0, 'name': 'c'},
    {'class_id': 1, 'name': 'd', 'height': 4.0},
]


def write(table: geopandas.GeoDataFrame, path: Path) -> str:
    if path.suffix == '.csv':
        table.assign(WKT=table.geometry.to_wkt()).drop(columns='geometry').to_csv(path, index=False)
    elif path.suffix == '.parquet':
        pytest.importorskip('pyarrow')
        table.to_parquet(path, write_covering_bbox=True)
    elif path.suffix == '.zip':
        inner = path.with_suffix('')
        inner.mkdir()
        write(table, inner / 'labels.shp')
        with zipfile.ZipFile(path, 'w') as archive:
            for file in inner.iterdir():
                archive.write(file, f'inner/{file.name}')
    elif path.suffix == '.geojsonl':
        features = json.loads(table.to_json(drop_id=True))['features']
        path.write_text('\n'.join('\x1e' + json.dumps(f) for f in features) + '\n')
    else:
        table.to_file(path, engine='pyogrio')
    return str(path)


FORMATS = ['.gpkg', '.shp', '.zip', '.fgb', '.parquet', '.geojsonl', '.csv', '.gml']


@pytest.mark.parametrize('suffix', FORMATS)
def test_every_format_gives_the_same_features(tmp_path, suffix) -> None:
    features, crs = read_features(write(TABLE, tmp_path / f'labels{suffix}'))
    order = np.argsort(shapely.get_coordinates(shapely.centroid(features.geoms))[:, 0])
    features = features.take(order)  # FlatGeobuf sorts by place
    assert shapely.equals(features.geoms, np.array(BOXES)).all()
    rows = [
        {k: v for k, v in row.items() if k in TABLE and v is not None}
        for row in features.properties
    ]
    assert rows == ROWS
    assert crs is None or crs.equals('EPSG:4326', ignore_axis_order=True)


@pytest.mark.parametrize('suffix', ['.gpkg', '.shp', '.fgb', '.parquet'])
def test_the_crs_is_that_of_the_file_or_the_given_one(tmp_path, suffix) -> None:
    uri = write(TABLE.to_crs('EPSG:32631'), tmp_path / f'labels{suffix}')
    features, crs = read_features(uri)
    assert crs is not None
    assert crs.to_epsg() == 32631
    back = geopandas.GeoSeries(features.geoms, crs=crs).to_crs('EPSG:4326')
    assert sorted(back.bounds.minx.round(6)) == [0, 1, 2, 3]
    assert read_features(uri, crs=TABLE.crs)[1] == TABLE.crs


@pytest.mark.parametrize('suffix', ['.gpkg', '.shp', '.fgb', '.parquet', '.csv'])
def test_only_what_touches_the_bounds_is_read(tmp_path, suffix) -> None:
    uri = write(TABLE, tmp_path / f'labels{suffix}')
    asked = []

    def find_bounds(crs):
        asked.append(crs)
        return (0.9, 1.9, 2.1, 4.1)

    features, crs = read_features(uri, find_bounds=find_bounds)
    assert asked == [crs]
    assert sorted(x for x, *_ in shapely.bounds(features.geoms).tolist()) == [1, 2]


def test_layers_are_found_by_name(tmp_path) -> None:
    path = tmp_path / 'labels.gpkg'
    TABLE.to_file(path, layer='buildings')
    assert len(read_features(str(path))[0]) == 4
    points = geopandas.GeoDataFrame(geometry=[Point(1, 2)], crs=4326)
    points.to_file(path, layer='centroids')
    assert {g.geom_type for g in read_features(str(path), layer='centroids')[0].geoms} == {'Point'}
    with pytest.raises(ConfigError, match="several layers, 'buildings', 'centroids'; name one"):
        read_features(str(path))
    with pytest.raises(ConfigError, match=r"no layer 'building',.*Did you mean buildings"):
        read_features(str(path), layer='building')


def test_tables_without_geometry_are_no_layers(tmp_path) -> None:
    path = tmp_path / 'labels.gpkg'
    TABLE.to_file(path, layer='buildings')
    from pyogrio import write_dataframe

    write_dataframe(TABLE.drop(columns='geometry'), path, layer='styles')
    assert len(read_features(str(path))[0]) == 4
    with pytest.raises(ConfigError, match="no layer 'styles', but 'buildings'"):
        read_features(str(path), layer='styles')


def test_null_empty_and_invalid_geometries_are_counted(tmp_path, caplog) -> None:
    bow_tie = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    geometry = [
        None,
        Polygon(),
        bow_tie,
        MultiPolygon(BOXES[:2]),
        Polygon([(0, 0), (1, 1), (2, 2)]),
    ]
    path = tmp_path / 'labels.gpkg'
    geopandas.GeoDataFrame({'i': range(5)}, geometry=geometry, crs=4326).to_file(path)
    with caplog.at_level(logging.WARNING):
        features, _ = read_features(str(path))
    assert features.column('i') == [2, 2, 3, 3]
    assert shapely.is_valid(features.geoms).all()
    (line,) = caplog.messages
    assert '1 without geometry, 1 empty, 1 without area' in line
    assert 'repaired 1 invalid polygons' in line


def test_a_third_dimension_is_dropped(tmp_path) -> None:
    path = tmp_path / 'labels.fgb'
    geopandas.GeoDataFrame(geometry=[Point(1, 2, 3)], crs=4326).to_file(path)
    assert not shapely.has_z(read_features(str(path))[0].geoms).any()


def test_coordinates_of_an_undefined_crs_are_as_without_one(tmp_path) -> None:
    path = tmp_path / 'labels.gpkg'
    with pytest.warns(UserWarning, match='crs'):
        TABLE.set_crs(None, allow_override=True).to_file(path)
    assert read_features(str(path))[1] is None


def test_longitude_and_latitude_columns_make_points(tmp_path) -> None:
    path = tmp_path / 'trees.csv'
    path.write_text('lon,lat,species\n1.5,2.5,oak\n3,4,\n')
    features, _ = read_features(str(path))
    assert shapely.get_coordinates(features.geoms).tolist() == [[1.5, 2.5], [3, 4]]
    assert features.column('species')[0] == 'oak'


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.gpkg', b'', 'is empty'),
        ('a.shp', b'no shapefile', 'is damaged, or no vector file that GDAL can read'),
        ('a.fgb', b'\x00' * 100, 'is damaged, or no vector file that GDAL can read'),
        ('a.tif', b'II*\x00', 'is damaged, or no vector file that GDAL can read'),
        ('a.zip', b'PK', 'no zip file'),
        ('a.csv', b'a,b\n1,2\n', 'has no geometries; a table needs a column WKT'),
        ('a.geojsonl', b'{"type": "Feature", "geometry": null}\n{', 'line 2'),
        ('a.json', b'{"type": "Feature"}\n{"type": "Feature"}', r'line 2.*\.geojsonl'),
    ],
)
def test_files_of_the_wrong_kind_are_named(tmp_path, name, content, message) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as e:
        read_features(str(path))
    assert str(path) in str(e.value)


def test_an_image_is_no_vector_file(write_tif) -> None:
    uri = write_tif('image.tif', np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(DataError, match=r'image\.tif is damaged, or no vector file'):
        read_features(uri)


def test_parquet_without_geometries_is_refused(tmp_path) -> None:
    pytest.importorskip('pyarrow')
    path = tmp_path / 'table.parquet'
    TABLE.drop(columns='geometry').to_parquet(path)
    with pytest.raises(DataError, match='without geometries'):
        read_features(str(path))
    path.write_bytes(b'PAR1')
    with pytest.raises(DataError, match='is damaged, or no Parquet file'):
        read_features(str(path))


def test_a_zip_file_holds_one_vector_file_or_the_one_named(tmp_path) -> None:
    path = tmp_path / 'labels.zip'
    for name in ('a', 'b'):
        write(TABLE.iloc[: 1 + (name == 'b')], tmp_path / f'{name}.fgb')
    with zipfile.ZipFile(path, 'w') as archive:
        archive.write(tmp_path / 'a.fgb', 'a.fgb')
        archive.write(tmp_path / 'b.fgb', 'b.fgb')
    assert len(read_features(str(path), layer='b')[0]) == 2
    with pytest.raises(DataError, match=r"one vector file .* holds these: 'a\.fgb', 'b\.fgb'"):
        read_features(str(path))
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme.txt', '')
    with pytest.raises(DataError, match='holds none'):
        read_features(str(path))


def test_missing_files_are_named(tmp_path) -> None:
    with pytest.raises(NotReadableError, match=r'labels\.gpkg: no such file'):
        read_features(str(tmp_path / 'labels.gpkg'))


def zip_files(path: Path, files: dict[str, Path]) -> str:
    with zipfile.ZipFile(path, 'w') as archive:
        for name, file in files.items():
            archive.write(file, name)
    return str(path)


def test_only_vector_files_in_a_zip_file_count(tmp_path) -> None:
    write(TABLE, tmp_path / 'a.fgb')
    (tmp_path / 'meta.json').write_text('{}')
    names = {'a.fgb': 'a.fgb', '__MACOSX/._a.fgb': 'meta.json', '._b.gpkg': 'meta.json'}
    names |= {'meta.json': 'meta.json', 'info/table.csv': 'meta.json'}
    files = {name: tmp_path / file for name, file in names.items()}
    assert len(read_features(zip_files(tmp_path / 'labels.zip', files))[0]) == 4


def test_a_geodatabase_in_a_zip_file_is_one_source(tmp_path) -> None:
    folder = tmp_path / 'labels.gdb'
    TABLE[['name', 'geometry']].to_file(folder, driver='OpenFileGDB', layer='buildings')
    files = {f'inner/labels.gdb/{file.name}': file for file in folder.iterdir()}
    uri = zip_files(tmp_path / 'labels.zip', files)
    assert len(read_features(uri)[0]) == len(read_features(uri, layer='buildings')[0]) == 4
    with pytest.raises(ConfigError, match='has no layer'):
        read_features(uri, layer='building')


def damaged_crs(tmp_path: Path, suffix: str) -> str:
    uri = write(TABLE, tmp_path / f'labels{suffix}')
    if suffix == '.json':
        document = json.loads(TABLE.to_json())
        document['crs'] = {'type': 'name', 'properties': {'name': 'MyLocal'}}
        Path(uri).write_text(json.dumps(document))
    else:
        from pyarrow import parquet

        content = parquet.read_table(uri)
        geo = json.loads(content.schema.metadata[b'geo'])
        geo['columns']['geometry']['crs'] = {'x': 1}
        parquet.write_table(content.replace_schema_metadata({'geo': json.dumps(geo)}), uri)
    return uri


@pytest.mark.parametrize('suffix', ['.json', '.parquet'])
def test_a_crs_that_is_given_needs_none_in_the_file(tmp_path, suffix) -> None:
    uri = damaged_crs(tmp_path, suffix)
    features, crs = read_features(uri, crs=CRS('EPSG:4326'))
    assert len(features) == 4
    assert crs == 'EPSG:4326'
    with pytest.raises(DataError, match='PROJ does not know'):
        read_features(uri)


def test_a_damaged_page_is_named(tmp_path) -> None:
    path = Path(write(TABLE, tmp_path / 'labels.parquet'))
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(DataError, match='is damaged'):
        read_features(str(path))


def test_curves_are_dropped(caplog) -> None:
    curve = struct.pack('<BII6d', 1, 8, 3, 0, 0, 1, 1, 2, 0)
    items = [shapely.to_wkb(Point(0, 1)), curve, None, shapely.to_wkb(Point(1, 2)), b'x']
    features, dropped = features_from_wkb(np.array(items, dtype=object), [{}] * 5, 'a')
    assert shapely.get_x(features.geoms).tolist() == [0, 1]
    assert dropped['unreadable'] == 2
    assert dropped['without geometry'] == 1


def test_warnings_of_gdal_are_logged_once(tmp_path, caplog) -> None:
    path = tmp_path / 'labels.csv'
    path.write_text('WKT,id\n"POINT (1 2)",1\n"POINT (x)",2\n')
    for _ in range(2):
        read_features(str(path))
    messages = [r.getMessage() for r in caplog.records if 'WKT' in r.getMessage()]
    assert len(messages) == len({*messages})


def test_deep_json_is_refused(tmp_path) -> None:
    path = tmp_path / 'labels.json'
    path.write_text('[' * 100_000)
    with pytest.raises(DataError, match='is not GeoJSON'):
        read_features(str(path), crs=None)
    depth = 700
    inner = '{"type": "GeometryCollection", "geometries": ['
    path.write_text(inner * depth + ']}' * depth)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(500)
    try:
        with pytest.raises(DataError, match='is not GeoJSON'):
            read_features(str(path))
    finally:
        sys.setrecursionlimit(limit)


def test_a_shapefile_behind_a_query_is_refused() -> None:
    with pytest.raises(DataError, match='Put them in a zip file'):
        read_features('http://127.0.0.1:9/labels.shp?token=1')


def test_values_of_parquet_are_those_of_json(tmp_path) -> None:
    pytest.importorskip('pyarrow')
    day = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    table = TABLE.assign(day=day, decimal=decimal.Decimal('1.5'), bytes=b'x')
    table.to_parquet(tmp_path / 'labels.parquet')
    features, _ = read_features(str(tmp_path / 'labels.parquet'))
    assert json.loads(json.dumps(features.to_geojson()))
    assert features.properties[1].keys() == {'class_id', 'height', 'day', 'decimal'}
    assert features.column('decimal') == [1.5] * 4
    assert features.column('day')[0].startswith('2026-01-02 03:04:05')


def test_a_crs_that_gdal_cannot_read_is_told_with_a_way_out(tmp_path) -> None:
    uri = write(TABLE, tmp_path / 'labels.shp')
    projection = tmp_path / 'labels.prj'
    projection.write_text('PROJCS["bogus",GEOGCS["x"]]')
    with pytest.raises(DataError, match=r'the \.prj file can be removed'):
        read_features(uri)
    projection.unlink()
    assert read_features(uri, crs=CRS('EPSG:4326'))[1] == 'EPSG:4326'


@pytest.mark.parametrize('uri', ['s3://bucket/a.gdb', 'https://host/a.gdb/'])
def test_a_remote_folder_is_refused(uri: str) -> None:
    with pytest.raises(DataError, match=r'a\.gdb/? is a folder of files\. Put it in a zip file'):
        read_features(uri)
