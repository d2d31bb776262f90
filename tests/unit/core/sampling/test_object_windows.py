import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    GeoJSONVectorSource,
    IdentityCRSTransformer,
    ObjectDetectionLabelSource,
    RasterioSource,
    Scene,
)
from rastervision.core.sampling import (
    ObjectDetectionWindowSamplingConfig,
    ObjectWindowSampler,
    RandomWindowSampler,
    WindowSamplingMethod,
    windows_of_scene,
)
from rastervision.pipeline.errors import ConfigError

EXTENT = Box(0, 0, 200, 300)
OBJECTS = np.array([[10, 10, 20, 25], [150.5, 280.2, 160, 299.9], [80, 80, 140, 150]])


def holds(window: Box, box) -> bool:
    ymin, xmin, ymax, xmax = box
    return window.ymin <= ymin <= ymax <= window.ymax and window.xmin <= xmin <= xmax <= window.xmax


def shares(window: Box, objects=OBJECTS) -> np.ndarray:
    """Share of each object in a window."""
    boxes = shapely.box(objects[:, 1], objects[:, 0], objects[:, 3], objects[:, 2])
    return shapely.area(shapely.intersection(boxes, window.to_shapely())) / shapely.area(boxes)


def sampler(neg_ratio=1.0, objects=OBJECTS, size=50, **kwargs) -> ObjectWindowSampler:
    return ObjectWindowSampler(EXTENT, objects, neg_ratio, size_lims=(size, size + 1), **kwargs)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(20, 120), st.integers(20, 120)),
    start=st.tuples(st.floats(0, 190), st.floats(0, 290)),
    box_size=st.tuples(st.floats(1, 90), st.floats(1, 90)),
)
def test_windows_around_a_box_hold_as_much_of_it_as_possible(seed, size, start, box_size):
    box = Box(*start, min(start[0] + box_size[0], 200), min(start[1] + box_size[1], 300))
    plain = RandomWindowSampler(
        EXTENT, h_lims=(size[0], size[0] + 1), w_lims=(size[1], size[1] + 1)
    )
    window = plain.sample_around(box, *size, np.random.default_rng(seed))
    assert window.size == size
    assert window.intersection(EXTENT) == window
    for low, high, first, last in (
        (window.ymin, window.ymax, box.ymin, box.ymax),
        (window.xmin, window.xmax, box.xmin, box.xmax),
    ):
        inside_out = low <= first and last <= high
        within = first <= low + 1 and high - 1 <= last  # to whole pixels
        assert inside_out or within


def test_windows_around_a_box_are_at_all_places():
    plain = RandomWindowSampler(EXTENT, size_lims=(10, 11))
    rng = np.random.default_rng(0)
    windows = {plain.sample_around(Box(50, 60, 57, 69), 10, 10, rng) for _ in range(200)}
    assert {w.ymin for w in windows} == {47, 48, 49, 50}
    assert {w.xmin for w in windows} == {59, 60}


def test_positive_windows_hold_an_object_each_as_often():
    drawn, rng = sampler(), np.random.default_rng(0)
    windows = [drawn.sample_positive(rng) for _ in range(300)]
    held = np.array([[holds(w, box) for box in OBJECTS] for w in windows])
    counts = held[:, :2].sum(axis=0)
    assert (counts > 80).all()
    assert (counts < 120).all()
    # the third object is larger than a window, which then lies within it
    rest = [w for w, row in zip(windows, held, strict=True) if not row.any()]
    assert all(holds(Box(*OBJECTS[2]), w) for w in rest)
    assert 80 < len(rest) < 120


def test_positive_windows_hold_enough_of_an_object():
    kwargs = {'h_lims': (30, 70), 'w_lims': (30, 80)}
    drawn = ObjectWindowSampler(EXTENT, OBJECTS, 0, ioa_thresh=0.8, **kwargs)
    rng = np.random.default_rng(0)
    held = np.array([shares(drawn.sample(rng)) for _ in range(300)])
    assert (held.max(axis=1) >= 0.8).all()
    assert (held[:, 2] >= 0.8).sum() > 5  # 60x70 pixels, for which most sizes are too small
    drawn, rng = sampler(0, ioa_thresh=0.8), np.random.default_rng(0)
    held = np.array([shares(drawn.sample(rng)) for _ in range(300)])
    assert (held[:, :2].max(axis=1) >= 0.8).all()
    assert (held[:, 2] < 0.8).all()


def test_objects_that_no_window_can_hold_are_told_once(caplog):
    plain = RandomWindowSampler(EXTENT, size_lims=(20, 21))
    drawn = sampler(0, objects=OBJECTS[2:], size=20, ioa_thresh=0.8, scene_id='hill')
    windows = [drawn.sample(np.random.default_rng(i)) for i in range(5)]
    assert windows == [plain.sample(np.random.default_rng(i)) for i in range(5)]
    (record,) = caplog.records
    assert record.message.startswith('hill: no window is large enough for 80 % of an object')
    assert 'up to 20x20 pixels, and the smallest object has 60x70' in record.message


def test_negative_windows_hold_no_object():
    drawn, rng = sampler(neg_ioa_thresh=0.1), np.random.default_rng(0)
    windows = [drawn.sample_negative(rng) for _ in range(100)]
    assert max(shares(w).max() for w in windows) < 0.1
    assert min(shares(w).max() for w in windows) == 0
    assert any(shares(w).max() > 0 for w in windows)


def test_the_ratio_is_that_of_negative_to_positive_windows():
    for ratio in (0, 0.5, 3):
        drawn, rng = sampler(ratio), np.random.default_rng(0)
        negative = sum(drawn.count_objects(drawn.sample(rng)) == 0 for _ in range(400))
        assert negative / 400 == pytest.approx(ratio / (1 + ratio), abs=0.07)


def test_where_all_is_full_negative_windows_hold_the_fewest_objects():
    ys, xs = np.meshgrid(np.arange(0, 200, 10), np.arange(0, 300, 10))
    starts = np.stack([ys.ravel(), xs.ravel()], axis=1)
    full = np.hstack([starts, starts + 10])
    drawn, rng = sampler(objects=full[starts[:, 0] < 150]), np.random.default_rng(0)
    counts = [drawn.count_objects(drawn.sample_negative(rng)) for _ in range(20)]
    assert max(counts) <= 5
    assert sampler(objects=full).sample_negative(rng).size == (50, 50)


def test_only_objects_within_areas_of_interest_are_looked_for():
    aoi = [shapely.box(0, 0, 100, 100)]
    drawn, rng = sampler(0, aoi_polygons=aoi), np.random.default_rng(0)
    for _ in range(50):
        window = drawn.sample(rng)
        assert holds(window, OBJECTS[0])
        assert holds(Box(0, 0, 100, 100), window)


def test_an_object_that_no_window_reaches_leaves_random_ones():
    aoi = [shapely.box(5, 5, 30, 30), shapely.box(100, 100, 200, 200)]
    drawn = sampler(0, aoi_polygons=aoi, max_attempts=5)
    window = drawn.sample(np.random.default_rng(0))
    assert holds(Box(100, 100, 200, 200), window)


@pytest.mark.parametrize('objects', [np.zeros((0, 4)), OBJECTS + 1000])
def test_without_objects_windows_are_anywhere(objects):
    drawn, plain = sampler(objects=objects), RandomWindowSampler(EXTENT, size_lims=(50, 51))
    windows = [drawn.sample(np.random.default_rng(i)) for i in range(5)]
    assert windows == [plain.sample(np.random.default_rng(i)) for i in range(5)]


# ---- config


@pytest.fixture
def scene(tmp_path, write_raster):
    ring = shapely.geometry.mapping(shapely.box(30, 30, 40, 45))
    feature = {'type': 'Feature', 'geometry': ring, 'properties': {'class_id': 0}}
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    image = RasterioSource(write_raster(np.ones((1, 200, 300), np.uint8), crs=None))
    vectors = GeoJSONVectorSource(str(path), IdentityCRSTransformer())
    return Scene('s', image, ObjectDetectionLabelSource(vectors, image.bbox))


def test_config_draws_windows_around_objects(scene):
    config = ObjectDetectionWindowSamplingConfig(
        method=WindowSamplingMethod.random, size=40, neg_ratio=0, max_windows=20
    )
    windows = list(windows_of_scene(scene, config, np.random.default_rng(0)))
    assert len(windows) == 20
    assert all(holds(w, [30, 30, 45, 40]) for w in windows)


def test_config_draws_windows_anywhere_by_default(scene):
    config = ObjectDetectionWindowSamplingConfig(
        method=WindowSamplingMethod.random, size=40, max_windows=20
    )
    windows = list(windows_of_scene(scene, config, np.random.default_rng(0)))
    assert not all(holds(w, [30, 30, 45, 40]) for w in windows)
    config.neg_ratio = 1
    image = Scene('s', scene.raster_source)
    assert len(list(windows_of_scene(image, config, np.random.default_rng(0)))) == 20


@pytest.mark.parametrize('field', ['ioa_thresh', 'neg_ioa_thresh', 'neg_ratio'])
def test_config_refuses_what_makes_no_sense(field):
    with pytest.raises(ConfigError, match=field):
        ObjectDetectionWindowSamplingConfig(size=40, **{field: -1})
