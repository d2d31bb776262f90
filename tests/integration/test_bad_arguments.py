"""Arguments of the library's constructors: what does not fit gives one error that names it."""

import re

import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    BufferTransformer,
    CastTransformer,
    ClassConfig,
    ClassInferenceTransformer,
    GeoJSONVectorSource,
    IdentityCRSTransformer,
    MinMaxTransformer,
    MultiRasterSource,
    RasterioSource,
    ReclassTransformer,
    SemanticSegmentationLabelSource,
    StatsTransformer,
    VectorFileSource,
    XarraySource,
)
from rastervision.pipeline.errors import RVError

PLAIN = IdentityCRSTransformer()
TIF, LABELS = 'a.tif', 'labels.json'
FEATURES = '{"type": "FeatureCollection", "features": []}'

ROWS = [
    (lambda: RasterioSource(None), ['uris', 'None']),
    (lambda: RasterioSource([]), ['uris of a raster source', 'at least one']),
    (lambda: RasterioSource([3]), ['uris', '[3]']),
    (lambda: RasterioSource(TIF, channel_order=0), ['channel_order', 'list', '0']),
    (lambda: RasterioSource(TIF, channel_order=['red']), ['channel_order', 'red']),
    (lambda: RasterioSource(TIF, channel_order=[9]), ['channel_order', '[9]', TIF, '0..2']),
    (lambda: RasterioSource(TIF, bbox=(0, 0, 5)), ['bbox', '(0, 0, 5)', 'ymin']),
    (lambda: RasterioSource(TIF, bbox=Box(0, 0, 5.5, 5)), ['bbox', '5.5', 'whole pixels']),
    (lambda: RasterioSource(TIF, bbox=Box(5, 5, 0, 0)), ['bbox', '(5, 5, 0, 0)', 'ymin < ymax']),
    (lambda: RasterioSource(TIF, bbox=Box(50, 50, 60, 60)), ['bbox', '(50, 50, 60, 60)', TIF]),
    (lambda: RasterioSource(TIF, MinMaxTransformer()), ['raster_transformers', 'list', 'MinMax']),
    (lambda: RasterioSource(TIF, [MinMaxTransformer]), ['class MinMaxTransformer', 'object']),
    (lambda: RasterioSource(TIF, ['min_max']), ['raster_transformers', 'min_max']),
    (lambda: RasterioSource(TIF).get_chip(Box(5, 5, 0, 0)), ['window', '(5, 5, 0, 0)']),
    (lambda: RasterioSource(TIF).get_chip(None), ['window', 'None']),
    (lambda: MultiRasterSource([]), ['primary_source_idx', '0 raster source']),
    (lambda: XarraySource(np.zeros((5, 5, 1)), PLAIN), ['DataArray', 'ndarray', 'dims']),
    (lambda: GeoJSONVectorSource(None, PLAIN), ['uris', 'None']),
    (lambda: GeoJSONVectorSource([], PLAIN), ['uris of a vector source', 'at least one']),
    (lambda: VectorFileSource(3, PLAIN), ['uris', '3']),
    (
        lambda: GeoJSONVectorSource(LABELS, PLAIN, [ClassInferenceTransformer]),
        ['vector_transformers', 'class ClassInferenceTransformer', 'object'],
    ),
    (
        lambda: GeoJSONVectorSource(LABELS, PLAIN, [MinMaxTransformer()]),
        ['vector_transformers', 'VectorTransformer', 'MinMaxTransformer'],
    ),
    (lambda: GeoJSONVectorSource(LABELS, PLAIN, bbox=(5, 5, 0, 0)), ['bbox', '(5, 5, 0, 0)']),
    (lambda: BufferTransformer('Circle'), ['geom_type', 'Circle', 'Polygon']),
    (lambda: BufferTransformer('Point', 3), ['class_bufs', '3', 'default_buf']),
    (lambda: BufferTransformer('Point', {0: 'wide'}), ['distances', 'wide']),
    (lambda: BufferTransformer('Point', default_buf='wide'), ['distances', 'wide']),
    (lambda: CastTransformer('foo'), ['CastTransformer', 'foo', 'uint8']),
    (lambda: ReclassTransformer({'a': 1}), ['mapping', "'a'"]),
    (lambda: ReclassTransformer([(0, 1)]), ['mapping', '[(0, 1)]']),
    (lambda: StatsTransformer([1], [1], max_stds=0), ['max_stds', '0']),
    (
        lambda: SemanticSegmentationLabelSource(RasterioSource(TIF), ClassConfig(names=['a'])),
        [TIF, '3 channels', 'channel_order'],
    ),
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('arguments')
    with rasterio.open(
        folder / TIF,
        'w',
        count=3,
        height=20,
        width=20,
        dtype='uint8',
        crs='EPSG:32633',
        transform=Affine(1, 0, 300000, 0, -1, 4000000),
    ) as dataset:
        dataset.write(np.ones((3, 20, 20), np.uint8))
    (folder / LABELS).write_text(FEATURES)
    return folder


@pytest.mark.parametrize(('make', 'names'), ROWS, ids=[', '.join(names) for _, names in ROWS])
def test_an_argument_that_does_not_fit_is_named(folder, monkeypatch, make, names):
    monkeypatch.chdir(folder)
    with pytest.raises(RVError) as e:
        make()
    message = str(e.value)
    for name in names:
        assert name in message
    assert re.search(r'\.$', message)
    assert '\n' not in message
