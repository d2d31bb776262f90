import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    GeoJSONVectorSource,
    IdentityCRSTransformer,
    MinMaxTransformer,
    MultiRasterSource,
    NanTransformer,
    ObjectDetectionLabelSource,
    RasterioSource,
    RasterizedSource,
    RasterTransformer,
)
from rastervision.core.data.utils.arguments import as_bbox, as_window, check_transformers
from rastervision.pipeline.errors import ConfigError

SIDES = st.tuples(*[st.integers(-99, 99)] * 2, *[st.integers(100, 199)] * 2)
FORMS = [lambda s: Box(*s), tuple, list, np.array, lambda s: Box(*map(float, s))]


@given(SIDES, st.sampled_from(FORMS))
def test_all_forms_of_a_box_are_the_same(sides, form):
    for function in (as_bbox, as_window):
        box = function(form(sides))
        assert box == Box(*sides)
        assert all(type(side) is int for side in box)


@pytest.mark.parametrize(
    'value',
    [3, 'abcd', '0123', (0, 0, 5), (0, 0, 5, 5.5), (0, 0, 5, np.inf), (0, 0, 'a', 5), ((0, 0), 5)],
)
def test_what_is_no_box_of_pixels_is_refused(value):
    with pytest.raises(ConfigError, match=r'bbox must be a Box, or \(ymin, .* whole pixels, got'):
        as_bbox(value)


def test_a_box_has_its_sides_in_order():
    with pytest.raises(ConfigError, match=r'bbox \(10, 0, 0, 10\) ends before it starts'):
        as_bbox((10, 0, 0, 10))
    with pytest.raises(ConfigError, match=r'the window \(0, 5, 5, 0\) ends before it starts'):
        as_window(Box(0, 5, 5, 0))


def test_windows_of_parts_of_pixels_are_cut():
    assert as_window(Box(0.5, -0.5, 10.7, 10.0)) == Box(0, 0, 10, 10)


def test_every_source_takes_a_tuple_as_bbox(write_raster, rgb, tmp_path):
    path = tmp_path / 'labels.json'
    path.write_text('{"type": "FeatureCollection", "features": []}')
    part, box = (10, 20, 30, 60), Box(10, 20, 30, 60)
    image = RasterioSource(write_raster(rgb), bbox=part)
    vectors = GeoJSONVectorSource(str(path), IdentityCRSTransformer(), bbox=part)
    sources = [
        image,
        vectors,
        MultiRasterSource([image], bbox=part),
        RasterizedSource(vectors, 0, bbox=part),
        ObjectDetectionLabelSource(vectors, bbox=part),
    ]
    assert [source.bbox for source in sources] == [box] * 5
    assert np.array_equal(image.get_chip((0, 0, 20, 40)), rgb[:, 10:30, 20:60].transpose(1, 2, 0))
    image.set_bbox((0, 0, 5, 5))
    assert image.shape == (5, 5, 3)


def test_transformers_are_objects_in_a_list():
    items = (MinMaxTransformer(), NanTransformer())
    assert check_transformers(items, RasterTransformer, 'transformers') == list(items)
    with pytest.raises(ConfigError, match=r'transformers must be a list of transformers, got Min'):
        check_transformers(items[0], RasterTransformer, 'transformers')
    with pytest.raises(ConfigError, match=r'class MinMaxTransformer; make .*MinMaxTransformer\('):
        check_transformers([MinMaxTransformer], RasterTransformer, 'transformers')
    with pytest.raises(ConfigError, match=r"a list of RasterTransformer, but has 'min_max'"):
        check_transformers(['min_max'], RasterTransformer, 'transformers')
