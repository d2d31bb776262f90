import logging
from types import SimpleNamespace

import numpy as np
import pytest
from shapely.geometry import box

from rastervision.core.box import Box
from rastervision.core.sampling import (
    ObjectDetectionWindowSamplingConfig,
    WindowSamplingConfig,
    WindowSamplingMethod,
    random_window_sampler,
    sliding_windows,
    windows_of_scene,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

RANDOM = WindowSamplingMethod.random
EXTENT = Box(0, 0, 50, 60)


def scene(aoi=()):
    return SimpleNamespace(id='s', extent=EXTENT, aoi_polygons_bbox_coords=list(aoi))


def test_it_is_written_as_release_0_31_wrote_it() -> None:
    cfg = WindowSamplingConfig(method=RANDOM, size=100, max_windows=60)
    assert cfg.to_dict() == {
        'type_hint': 'window_sampling',
        'method': 'random',
        'size': 100,
        'stride': None,
        'padding': None,
        'pad_direction': 'end',
        'size_lims': [100, 101],
        'h_lims': None,
        'w_lims': None,
        'max_windows': 60,
        'max_sample_attempts': 100,
        'efficient_aoi_sampling': True,
        'within_aoi': True,
    }
    assert Config.from_dict(cfg.to_dict()) == cfg


def test_random_windows_have_the_size_unless_limits_are_given() -> None:
    cfg = WindowSamplingConfig(method='random', size=(10, 20))
    assert (cfg.h_lims, cfg.w_lims, cfg.size_lims) == ((10, 11), (20, 21), None)
    cfg = WindowSamplingConfig(method='random', size=10, h_lims=(3, 5), w_lims=(6, 7))
    assert cfg.size_lims is None


def test_limits_that_nobody_gave_follow_the_size() -> None:
    cfg = WindowSamplingConfig(method='random', size=10).copy()
    cfg.size = 20
    assert cfg.size_lims == (20, 21)
    cfg.size = (20, 30)
    assert (cfg.h_lims, cfg.w_lims, cfg.size_lims) == ((20, 21), (30, 31), None)
    cfg.method = WindowSamplingMethod.sliding
    assert cfg == WindowSamplingConfig(size=(20, 30))
    given = WindowSamplingConfig(method='random', size=10, size_lims=(3, 5))
    given.size = 20
    assert given.size_lims == (3, 5)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'size': 0}, 'size'),
        ({'size': 10, 'stride': 0}, 'stride'),
        ({'size': 10, 'padding': -1}, 'padding'),
        ({'size': 10, 'pad_direction': 'left'}, 'pad_direction'),
        ({'size': 10, 'method': 'spiral'}, 'method'),
        ({'size': 10, 'max_sample_attempts': 0}, 'max_sample_attempts'),
        ({'size': 10, 'max_windows': -1}, 'max_windows'),
        ({'size': 10, 'size_lims': (5, 8)}, 'size_lims are for method "random"'),
        ({'size': 10, 'method': RANDOM, 'size_lims': (8, 8)}, r'size_lims is \(8, 8\)'),
        ({'size': 10, 'method': RANDOM, 'h_lims': (5, 8)}, 'must be given together'),
        (
            {
                'size': 10,
                'method': RANDOM,
                'size_lims': (5, 8),
                'h_lims': (5, 8),
                'w_lims': (5, 8),
            },
            'contradicts',
        ),
        ({'size': 10, 'sise': 3}, 'size'),
        ({}, 'size'),
    ],
)
def test_bad_options_are_refused(fields, message) -> None:
    with pytest.raises(ConfigError, match=message):
        WindowSamplingConfig(**fields)


def test_sliding_windows_cover_every_pixel() -> None:
    windows = windows_of_scene(scene(), WindowSamplingConfig(size=16), np.random.default_rng(0))
    seen = np.zeros((100, 100), dtype=bool)
    for window in windows:
        seen[window.to_slices()] = True
    assert seen[:50, :60].all()


def test_sliding_windows_with_options() -> None:
    cfg = WindowSamplingConfig(size=(10, 20), stride=(5, 10), padding=(0, 10), pad_direction='both')
    expected = EXTENT.get_windows((10, 20), (5, 10), (0, 10), 'both')
    assert list(sliding_windows(EXTENT, cfg)) == expected


@pytest.mark.parametrize('padding', [0, 4])
def test_windows_larger_than_the_scene_need_padding(padding) -> None:
    cfg = WindowSamplingConfig(size=70, padding=padding)
    with pytest.raises(ConfigError, match=r"70x70 .* scene 's' \(50x60 pixels\).*padding=None"):
        sliding_windows(EXTENT, cfg, scene_id='s')
    assert len(sliding_windows(EXTENT, WindowSamplingConfig(size=70))) == 1


def test_areas_of_interest_limit_both_methods() -> None:
    aoi = [box(0, 0, 30, 25)]
    rng = np.random.default_rng(0)
    sliding = windows_of_scene(scene(aoi), WindowSamplingConfig(size=10), rng)
    assert list(sliding) == Box(0, 0, 25, 30).get_windows(10, 10, padding=0)
    cfg = WindowSamplingConfig(method=RANDOM, size=10, max_windows=40)
    random = list(windows_of_scene(scene(aoi), cfg, rng))
    assert len(random) == 40
    assert all(aoi[0].covers(w.to_shapely()) for w in random)
    touching = windows_of_scene(scene(aoi), WindowSamplingConfig(size=10, within_aoi=False), rng)
    assert list(touching) == Box(0, 0, 30, 40).get_windows(10, 10, padding=0)


def test_no_window_in_the_area_is_reported(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        windows = sliding_windows(EXTENT, WindowSamplingConfig(size=10), [box(1, 1, 5, 5)], 's')
    assert len(windows) == 0
    assert "None of the 30 windows of 10x10 pixels over scene 's' lies inside its AOI" in (
        caplog.text
    )


@pytest.mark.parametrize('method', ['sliding', 'random'])
@pytest.mark.parametrize(('size', 'told'), [(40, []), (60, [True])])
def test_windows_larger_than_the_scene_are_told(method, size, told, caplog) -> None:
    cfg = WindowSamplingConfig(method=method, size=size)
    make = sliding_windows if method == 'sliding' else random_window_sampler
    make(Box(0, 0, 50, 70), cfg, None, 'a')
    words = "Windows of 60x60 pixels are larger than scene 'a' (50x70 pixels)"
    assert [words in r.message for r in caplog.records] == told


@pytest.mark.parametrize(
    ('fields', 'told'),
    [
        ({'stride': 5, 'pad_direction': 'both'}, []),
        ({'max_windows': 5}, ["max_windows=5 has no effect: it is for method 'random'"]),
        ({'neg_ratio': 1}, ["neg_ratio=1.0 has no effect: it is for method 'random'"]),
        ({'method': 'random', 'max_windows': 5, 'neg_ratio': 1}, []),
        ({'method': 'random', 'stride': 20}, ["stride=20 has no effect: it is for method 'slid"]),
    ],
)
def test_fields_of_the_other_method_are_told(fields, told, caplog) -> None:
    ObjectDetectionWindowSamplingConfig(size=10, **fields).validate_config()
    assert [record.getMessage()[: len(told[0])] for record in caplog.records] == told
