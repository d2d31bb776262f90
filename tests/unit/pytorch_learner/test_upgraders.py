"""Every step of the history of the learner's configs, as older releases wrote them."""

import pytest

from rastervision.pytorch_learner import (
    Backbone,
    DataConfig,
    GeoDataConfig,
    ImageDataConfig,
    LearnerConfig,
    ModelConfig,
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationImageDataConfig,
    SolverConfig,
)

PLUGIN = 'rastervision.pytorch_learner'


def load(version, cls, **fields):
    versions = {PLUGIN: version, 'rastervision.core': 14, 'rastervision.pipeline': 0}
    return cls.from_dict({**fields, 'plugin_versions': versions})


@pytest.mark.parametrize(
    ('number', 'name'),
    [(1, 'alexnet'), (2, 'densenet121'), (13, 'resnet18'), (15, 'resnet50'), (35, 'vgg19')],
)
def test_0_backbones_were_numbers(number, name):
    assert load(0, ModelConfig, type_hint='model', backbone=number).backbone == name
    assert Backbone.int_to_str(number) == name


@pytest.mark.parametrize(
    ('old', 'cls'),
    [
        ('data', ImageDataConfig),
        ('semantic_segmentation_data', SemanticSegmentationImageDataConfig),
    ],
)
def test_1_data_meant_images(old, cls):
    assert type(load(1, DataConfig, type_hint=old, uri='chips')) is cls


def test_2_segmentation_data_had_formats():
    cfg = load(
        2,
        DataConfig,
        type_hint='semantic_segmentation_image_data',
        channel_display_groups=None,
        img_format='png',
        label_format='png',
    )
    assert cfg.img_channels is None


@pytest.mark.parametrize(('old', 'new'), [(True, -1), (False, None), ('force', -1)])
def test_3_the_last_class_could_be_ignored(old, new):
    cfg = load(3, SolverConfig, type_hint='solver', ignore_last_class=old)
    assert cfg.ignore_class_index == new


def test_4_solvers_had_test_options():
    old = {'test_batch_sz': 4, 'test_num_epochs': 2, 'overfit_num_steps': 1}
    assert load(4, SolverConfig, type_hint='solver', lr=0.5, **old).lr == 0.5


def test_4_learners_had_modes():
    old = {'overfit_mode': False, 'test_mode': False, 'predict_mode': True}
    cfg = load(4, LearnerConfig, type_hint='learner', data={'type_hint': 'data'}, **old)
    assert cfg.data == DataConfig()


def test_5_sampling_was_called_window_opts():
    cfg = load(
        5,
        GeoDataConfig,
        type_hint='semantic_segmentation_geo_data',
        window_opts={'type_hint': 'geo_data_window', 'method': 'random', 'size': 64},
    )
    assert type(cfg) is SemanticSegmentationGeoDataConfig
    assert cfg.sampling.size_lims == (64, 65)


def test_5_sampling_by_scene():
    window = {'type_hint': 'geo_data_window', 'method': 'sliding', 'size': 64, 'stride': 32}
    cfg = load(5, GeoDataConfig, type_hint='geo_data', window_opts={'a': window, 'b': window})
    assert cfg.sampling['b'].stride == 32


def test_6_classes_were_two_lists():
    cfg = load(
        6,
        DataConfig,
        type_hint='image_data',
        class_names=['a', 'null'],
        class_colors=['red', 'blue'],
    )
    assert cfg.class_config.names == ['a', 'null']
    assert cfg.class_config.colors == ['red', 'blue']
    assert cfg.class_config.null_class == 'null'


def test_the_oldest_learner_goes_through_all_steps():
    cfg = load(
        0,
        LearnerConfig,
        type_hint='semantic_segmentation_learner',
        model={'type_hint': 'semantic_segmentation_model', 'backbone': 15},
        solver={'type_hint': 'solver', 'ignore_last_class': True, 'test_batch_sz': 4},
        data={
            'type_hint': 'semantic_segmentation_data',
            'img_format': 'npy',
            'class_names': ['a', 'b'],
            'class_colors': None,
            'img_channels': 8,
        },
        predict_mode=False,
    )
    assert cfg.model.backbone == Backbone.resnet50
    assert cfg.solver.ignore_class_index == -1
    assert type(cfg.data) is SemanticSegmentationImageDataConfig
    assert cfg.data.class_config.names == ['a', 'b']
