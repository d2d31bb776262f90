"""The picture of image, truth and prediction."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabels,
    ClassConfig,
    ObjectDetectionLabels,
)
from rastervision.core.rv_pipeline import preview


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
    windows = preview._candidates(extent)
    assert len(windows) == 3
    assert all(w.size == (10, 8) and w.intersection(extent) == w for w in windows)


@pytest.mark.parametrize(('count', 'expected'), [(1, [0]), (4, [0, 1, 2, 3]), (9, [0, 2, 4, 6])])
def test_scenes_are_spread_over_the_list(count, expected):
    assert preview._spread(list(range(count)), 4) == expected


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
    )


@pytest.mark.parametrize('class_id', [7, 254, 255, 256, 299])
def test_any_number_of_classes_is_drawn(monkeypatch, class_id):
    classes = ClassConfig(names=[str(i) for i in range(300)])
    cell, box = Box(2, 3, 6, 9), [7, 1, 11, 5]
    maps = (
        lambda w: preview._draw_cells(ChipClassificationLabels({cell: (class_id, None)}), w),
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


def test_a_pixel_of_no_class_is_black(monkeypatch):
    ids = np.full((4, 4), 255, dtype=np.uint8)
    monkeypatch.setattr(preview, '_class_maps', lambda _: (lambda _: ids, lambda _: ids))
    _, (_, truth, _) = preview._row(blank_scene(4, 4), ClassConfig(names=['a', 'b']))
    assert not truth.any()
