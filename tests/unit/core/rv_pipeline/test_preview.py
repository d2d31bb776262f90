"""The picture of image, truth and prediction."""

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabels,
    ChipRegressionGeoJSONStore,
    ChipRegressionLabels,
    ChipRegressionLabelSource,
    ClassConfig,
    ObjectDetectionLabels,
)
from rastervision.core.rv_pipeline import preview
from rastervision.core.rv_pipeline.value_preview import RAMP, value_colors, write_value_preview


def test_bytes_are_shown_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 4), dtype=np.uint8)
    valid = np.ones((5, 6), dtype=bool)
    valid[0] = False
    shown = preview.display_image(pixels, valid)
    np.testing.assert_array_equal(shown[1:], pixels[1:, :, :3])
    assert not shown[0].any()


@pytest.mark.parametrize('dtype', [np.uint16, np.int16, np.float32, np.complex64])
@pytest.mark.parametrize('channels', [1, 2, 3, 8])
def test_other_values_are_stretched(dtype, channels):
    ramp = np.arange(100).reshape(10, 10, 1).repeat(channels, axis=2).astype(dtype) * 30
    shown = preview.display_image(ramp, np.ones((10, 10), dtype=bool))
    assert shown.shape == (10, 10, 3)
    assert (shown.min(), shown.max()) == (0, 255)
    assert (np.diff(shown[..., 0].ravel().astype(int)) >= 0).all()


def test_an_image_without_data_or_contrast_is_shown():
    pixels = np.full((4, 4, 3), 7, dtype=np.uint16)
    assert not preview.display_image(pixels, np.zeros((4, 4), dtype=bool)).any()
    assert preview.display_image(pixels, np.ones((4, 4), dtype=bool)).shape == (4, 4, 3)


def test_candidates_lie_within_the_scene(monkeypatch):
    monkeypatch.setattr(preview, 'MAX_SIDE', 10)
    extent = Box(0, 0, 35, 8)
    windows = preview.candidates(extent)
    assert len(windows) == 3
    assert all(w.size == (10, 8) and w.intersection(extent) == w for w in windows)


@pytest.mark.parametrize(('count', 'expected'), [(1, [0]), (4, [0, 1, 2, 3]), (9, [0, 2, 4, 6])])
def test_scenes_are_spread_over_the_list(count, expected):
    assert preview.spread(list(range(count)), 4) == expected


def test_the_picture_shows_three_panels_per_scene(pipeline, tmp_path, monkeypatch):
    pipeline.train()
    pipeline.predict()
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[0])
    classes = pipeline.config.dataset.class_config
    preview.write_preview([scene], classes, str(tmp_path / 'p.png'))
    picture = np.asarray(Image.open(tmp_path / 'p.png'))
    x, y = preview.GAP, preview.GAP + preview.CAPTION
    panels = [picture[y : y + 70, x + i * (90 + x) :][:, :90] for i in range(3)]
    np.testing.assert_array_equal(panels[0], scene.raster_source.get_chip(scene.extent))
    truth = scene.label_source.get_label_arr(scene.extent)
    np.testing.assert_array_equal(panels[1], np.array(classes.rgb_colors)[truth])
    np.testing.assert_array_equal(panels[2], panels[1])  # the model makes no mistake


def test_the_first_time_of_a_series_is_shown():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 2), dtype=np.uint8)
    valid = np.random.default_rng(1).random((3, 4, 5)) < 0.5
    shown = preview.display_image(pixels, valid)
    assert np.array_equal(shown, preview.display_image(pixels[0], valid[0]))


def blank_scene(height, width):
    pixels, valid = np.full((height, width, 3), 9, dtype=np.uint8), np.ones((height, width), bool)
    chip = SimpleNamespace(pixels=pixels, valid=valid)
    return SimpleNamespace(
        id='s',
        raster_source=SimpleNamespace(read=lambda window: chip),
        extent=Box(0, 0, height, width),
        label_source=None,
        label_store=None,
    )


@pytest.mark.parametrize('class_id', [7, 254, 255, 256, 299])
def test_any_number_of_classes_is_drawn(monkeypatch, class_id):
    classes = ClassConfig(names=[str(i) for i in range(300)])
    cell, box = Box(2, 3, 6, 9), [7, 1, 11, 5]
    maps = (
        preview._cell_map(ChipClassificationLabels({cell: (class_id, None)})),
        lambda w: preview._draw_outlines(ObjectDetectionLabels([box], [class_id]), w),
    )
    monkeypatch.setattr(preview, '_class_maps', lambda _: maps)
    _, (_, cells, outlines) = preview._row(blank_scene(12, 14), classes)
    expected = np.full((2, 12, 14, 3), 9, dtype=np.uint8)
    color = classes.rgb_colors[class_id]
    expected[0, 2:6, 3:9] = color
    expected[1, 7:11, 1:5] = color
    expected[1, 8:10, 2:4] = 9
    np.testing.assert_array_equal([cells, outlines], expected)


def test_the_caption_tells_what_is_not_shown(monkeypatch):
    scene, maps = blank_scene(20, 14), [lambda w: np.zeros(w.size, np.uint8)] * 2
    monkeypatch.setattr(preview, '_class_maps', lambda _: maps)
    assert preview._row(scene, ClassConfig(names=['a']))[0] == 's'
    monkeypatch.setattr(preview, 'MAX_SIDE', 10)
    scene.raster_source = blank_scene(10, 10).raster_source
    assert preview._row(scene, ClassConfig(names=['a']))[0] == 's (part)'


def test_the_best_boxes_are_drawn(monkeypatch):
    monkeypatch.setattr(preview, 'MAX_BOXES', 2)
    boxes = np.array([[0, 0, 3, 3], [4, 4, 8, 8], [9, 9, 12, 12], [50, 50, 53, 53]])
    labels = ObjectDetectionLabels(boxes, [0, 1, 2, 1], scores=[0.5, 0.1, 0.9, 1.0])
    predicted = preview._BestBoxes(labels)
    maps = (lambda w: np.full(w.size, -1), predicted)
    monkeypatch.setattr(preview, '_class_maps', lambda _: maps)
    caption, _ = preview._row(blank_scene(20, 20), ClassConfig(names=['a', 'b', 'c']))
    assert caption == 's (best 2 of 3)'
    assert set(np.unique(predicted(Box(0, 0, 20, 20)))) == {-1, 0, 2}
    assert set(np.unique(predicted(Box(0, 0, 8, 8)))) == {-1, 0, 1}


def test_a_pixel_of_no_class_is_black(monkeypatch):
    ids = np.full((4, 4), 255, dtype=np.uint8)
    monkeypatch.setattr(preview, '_class_maps', lambda _: (lambda _: ids, lambda _: ids))
    _, (_, truth, _) = preview._row(blank_scene(4, 4), ClassConfig(names=['a', 'b']))
    assert not truth.any()


# --- values


def value_scene(name, truth, predicted, size=(8, 12)):
    """A scene of cells of 4 pixels, row by row, with true and predicted values (N, K)."""
    cells = Box.to_npboxes(Box(0, 0, *size).get_windows(4, 4))
    scene = blank_scene(*size)
    scene.id = name
    scene.label_source = Mock(ChipRegressionLabelSource)
    scene.label_source.values_at = lambda wanted: np.array(truth, dtype=np.float32)
    scene.label_store = Mock(ChipRegressionGeoJSONStore)
    scene.label_store.get_labels = lambda: ChipRegressionLabels(cells, predicted)
    return scene


def panels_of(picture, top, size=(8, 12)):
    """The pictures of image, truth and prediction whose upper side is given."""
    height, width = size
    lefts = [preview.GAP + i * (width + preview.GAP) for i in range(3)]
    return [picture[top : top + height, left : left + width] for left in lefts]


def test_values_have_the_colours_of_the_bar(tmp_path):
    truth = np.array([[1, 2, 3], [4, np.nan, 5]]).reshape(-1, 1)
    predicted = np.array([[1, 2.5, 3], [9, 0, np.nan]]).reshape(-1, 1)
    write_value_preview([value_scene('s', truth, predicted)], ['height'], str(tmp_path / 'p.png'))
    picture = np.asarray(Image.open(tmp_path / 'p.png'))
    top = preview.GAP + preview.CAPTION
    image, *shown = panels_of(picture, top)
    assert (image == 9).all()
    for values, panel in zip((truth, predicted), shown, strict=True):
        for i, value in enumerate(values[:, 0]):
            y, x = divmod(i, 3)
            cell = panel[4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
            expected = [9] * 3 if np.isnan(value) else value_colors(np.array(value), 0, 9)
            assert (cell == expected).all()
    bar = picture[top + 8 + preview.GAP + 5]
    colors = value_colors(np.arange(160), 0, 159)
    start = np.flatnonzero((bar == RAMP[0]).all(axis=-1))[0]
    np.testing.assert_array_equal(bar[start : start + 160], colors)


def test_each_target_has_a_row_and_a_range(tmp_path):
    truth, predicted = np.array([[0, 10], [1, 30]] * 3), np.array([[1, 20], [0, 20]] * 3)
    scene = value_scene('s', truth, predicted)
    write_value_preview([scene], ['a', 'b'], str(tmp_path / 'p.png'))
    picture = np.asarray(Image.open(tmp_path / 'p.png'))
    row = preview.CAPTION + 8 + preview.GAP
    assert len(picture) == 2 * (row + preview.CAPTION) + preview.GAP
    ends = [(0, 1), (10, 30)]
    for target, (low, high) in enumerate(ends):
        _, *shown = panels_of(picture, preview.GAP + preview.CAPTION + target * row)
        for values, panel in zip((truth, predicted), shown, strict=True):
            expected = value_colors(values[:, target].reshape(2, 3), low, high)
            np.testing.assert_array_equal(panel[::4, ::4], expected)


def test_of_many_rows_some_are_shown(tmp_path):
    scenes = [value_scene(str(i), np.full((6, 2), i), np.full((6, 2), i)) for i in range(5)]
    write_value_preview(scenes, ['a', 'b'], str(tmp_path / 'p.png'))
    height = len(np.asarray(Image.open(tmp_path / 'p.png')))
    row = preview.CAPTION + 8 + preview.GAP
    assert height == preview.MAX_SCENES * row + 2 * preview.CAPTION + preview.GAP


@pytest.mark.parametrize('value', [np.nan, 3.0])
def test_values_without_a_range_are_drawn(tmp_path, value):
    scene = value_scene('s', np.full((6, 1), value), np.full((6, 1), value))
    write_value_preview([scene], ['a'], str(tmp_path / 'p.png'))
    _, truth, predicted = panels_of(
        np.asarray(Image.open(tmp_path / 'p.png')), preview.GAP + preview.CAPTION
    )
    expected = [9] * 3 if np.isnan(value) else RAMP[0]
    assert (truth == expected).all()
    assert (predicted == expected).all()


def test_other_labels_have_no_picture_of_values(tmp_path):
    write_value_preview([blank_scene(4, 4)], ['a'], str(tmp_path / 'p.png'))
    assert not (tmp_path / 'p.png').exists()


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_colours_rise_with_values(low, width):
    values = np.linspace(low - width, low + 2 * width, 301)
    colors = value_colors(values, low, low + width).astype(int)
    brightness = colors @ [299, 587, 114]
    assert (np.diff(brightness) >= -600).all()  # of 255000, for rounding
    assert (colors[values <= low] == RAMP[0]).all()
    assert (colors[values >= low + width + 1e-9] == RAMP[-1]).all()
