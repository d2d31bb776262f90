"""Options of CHIP and PREDICT, and where the commands write."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.cli import parse_channel_order
from rastervision.core.rv_pipeline import (
    ChipOptions,
    PredictOptions,
    SemanticSegmentationChipOptions,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
    layout,
)
from rastervision.pipeline.errors import ConfigError


@pytest.mark.parametrize('cls', [PredictOptions, SemanticSegmentationPredictOptions])
def test_the_stride_is_the_chip_size_unless_given(cls):
    options = cls(chip_sz=77)
    options.update()
    assert options.stride == 77
    options = cls(chip_sz=77, stride=7)
    options.update()
    assert options.stride == 7


@given(chip_sz=st.integers(1, 500), stride=st.integers(1, 500))
def test_the_automatic_crop_leaves_no_gap(chip_sz, stride):
    options = SemanticSegmentationPredictOptions(chip_sz=chip_sz, stride=stride, crop_sz='auto')
    if stride > chip_sz:
        with pytest.raises(ConfigError, match='without a prediction'):
            options.validate_config()
        return
    options.validate_config()
    assert chip_sz - 2 * options.crop_pixels() >= stride
    assert chip_sz - 2 * (options.crop_pixels() + 1) < stride


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'chip_sz': 100, 'stride': 90, 'crop_sz': 10}, 'at most chip_sz - 2 [*] crop_sz = 80'),
        ({'chip_sz': 150, 'crop_sz': 90}, 'crop_sz 90 leave nothing .* crop_sz must be below 75'),
        ({'chip_sz': 150, 'crop_sz': 75}, 'must be below 75'),
        ({'chip_sz': 0}, 'chip_sz must be positive, got 0'),
        ({'chip_sz': 10, 'stride': -1}, 'stride must be positive'),
        ({'batch_sz': 0}, 'batch_sz must be positive'),
    ],
)
def test_options_that_make_no_sense_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        SemanticSegmentationPredictOptions(**values).validate_config()


def test_sampling_can_differ_by_scene():
    sampling = {'a': WindowSamplingConfig(size=10), 'b': WindowSamplingConfig(size=20)}
    options = ChipOptions(sampling=sampling)
    assert options.get_chip_sz('b') == 20
    assert options.get_chip_sz() == 10
    assert ChipOptions(sampling=sampling['a']).get_chip_sz('any') == 10
    with pytest.raises(ConfigError, match=r"no entry for scene 'c'; it has \['a', 'b'\]"):
        options.sampling_for('c')


def test_scenes_without_sampling_are_found_before_the_run(config):
    config.chip_options.sampling = {'train 1': WindowSamplingConfig(size=8)}
    config.update()
    with pytest.raises(ConfigError, match="'train 2'"):
        config.recursive_validate_config()


def chip_with(nodata_rows):
    chip = np.ones((10, 10, 3), dtype=np.uint8)
    chip[:nodata_rows] = 0
    return chip


def test_chips_with_too_much_nodata_are_dropped():
    sampling = WindowSamplingConfig(size=10)
    assert ChipOptions(sampling=sampling).keep_chip(chip_with(9), None)
    assert not ChipOptions(sampling=sampling).keep_chip(chip_with(10), None)
    assert not ChipOptions(sampling=sampling, nodata_threshold=0.5).keep_chip(chip_with(5), None)


def test_a_share_of_chips_without_target_classes_is_kept():
    options = SemanticSegmentationChipOptions(
        sampling=WindowSamplingConfig(size=10),
        target_class_ids=[1],
        target_count_threshold=1,
        negative_survival_prob=0.25,
    )
    rng = np.random.default_rng(0)
    empty = np.zeros((10, 10), dtype=np.uint8)
    kept = sum(options.keep_chip(chip_with(0), empty, rng) for _ in range(2000))
    assert 430 < kept < 570
    assert options.keep_chip(chip_with(0), empty + 1, rng)


@pytest.mark.parametrize(
    ('uri', 'expected'),
    [
        (layout.stage_uri('s3://bucket/root/', 'train'), 's3://bucket/root/train'),
        (layout.stats_uri('root/analyze', 'g'), 'root/analyze/stats/g/stats.json'),
        (layout.model_bundle_uri('root/train'), 'root/train/model-bundle.zip'),
        (layout.chips_uri('root/chip', 'valid', 'a/b c'), 'root/chip/valid-a%2Fb c.zip'),
        (layout.eval_uri('root/eval', 'g'), 'root/eval/g/eval.json'),
        (layout.join_uri('/', 'a'), '/a'),
    ],
)
def test_where_the_commands_write(uri, expected):
    assert uri == expected


@pytest.mark.parametrize('text', ['2 1 0', '2,1,0', ' [2, 1, 0] ', '2  1 , 0'])
def test_channel_orders_are_read(text):
    assert parse_channel_order(text) == [2, 1, 0]


@pytest.mark.parametrize('text', ['', 'rgb', '1 -2', '1.5'])
def test_other_channel_orders_are_refused(text):
    with pytest.raises(ConfigError, match='--channel-order'):
        parse_channel_order(text)


def test_no_channel_order():
    assert parse_channel_order(None) is None


def test_options_of_another_task_are_named() -> None:
    from rastervision.core.bundled_pipeline import changed_options

    with pytest.raises(ConfigError, match=r'crop_sz \(--crop\) and tta \(--tta\) out: .*chip_sz'):
        changed_options(PredictOptions(), {'tta': True, 'crop_sz': 2, 'chip_sz': 100})
