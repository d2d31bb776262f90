"""Every change to the configs of the learner and its backends between releases 0.12 and 0.31."""

import pytest

LEARNER = 'rastervision.pytorch_learner'
BACKEND = 'rastervision.pytorch_backend'
GONE = '(gone)'

TASKS = ('classification', 'regression', 'object_detection', 'semantic_segmentation')
BACKENDS = {
    'classification': 'pytorch_chip_classification_backend',
    'object_detection': 'pytorch_object_detection_backend',
    'semantic_segmentation': 'pytorch_semantic_segmentation_backend',
}
SOLVER = {'type_hint': 'solver'}
NUMBERED = [
    'alexnet',
    'densenet121',
    'densenet169',
    'densenet201',
    'densenet161',
    'googlenet',
    'inception_v3',
    'mnasnet0_5',
    'mnasnet0_75',
    'mnasnet1_0',
    'mnasnet1_3',
    'mobilenet_v2',
    'resnet18',
    'resnet34',
    'resnet50',
    'resnet101',
    'resnet152',
    'resnext50_32x4d',
    'resnext101_32x8d',
    'wide_resnet50_2',
    'wide_resnet101_2',
    'shufflenet_v2_x0_5',
    'shufflenet_v2_x1_0',
    'shufflenet_v2_x1_5',
    'shufflenet_v2_x2_0',
    'squeezenet1_0',
    'squeezenet1_1',
    'vgg11',
    'vgg11_bn',
    'vgg13',
    'vgg13_bn',
    'vgg16',
    'vgg16_bn',
    'vgg19_bn',
    'vgg19',
]


@pytest.mark.parametrize(('number', 'name'), list(enumerate(NUMBERED, start=1)))
def test_0_backbones_were_numbers(check_lifted, number, name):
    check_lifted(LEARNER, 0, {'type_hint': 'model', 'backbone': number}, {'backbone': name})


@pytest.mark.parametrize('task', TASKS)
def test_0_so_were_those_of_all_tasks(check_lifted, task):
    old = {'type_hint': f'{task}_model', 'backbone': 15}
    check_lifted(LEARNER, 0, old, {'backbone': 'resnet50'})


@pytest.mark.parametrize('task', TASKS)
def test_1_data_meant_images(check_lifted, task):
    new = {'type_hint': f'{task}_image_data', 'uri': 'x'}
    check_lifted(LEARNER, 1, {'type_hint': f'{task}_data', 'uri': 'x'}, new)


def test_1_data_of_no_task_meant_images_too(check_lifted):
    check_lifted(LEARNER, 1, {'type_hint': 'data', 'uri': 'x'}, {'type_hint': 'image_data'})


@pytest.mark.parametrize('task', TASKS)
def test_2_the_number_of_channels_was_required(check_lifted, task):
    old = {'type_hint': f'{task}_image_data', 'img_channels': 4}
    check_lifted(LEARNER, 2, old, {'img_channels': 4})
    check_lifted(LEARNER, 2, {'type_hint': f'{task}_image_data'}, {'img_channels': None})


def test_2_segmentation_data_had_formats(check_lifted):
    formats = {'channel_display_groups': None, 'img_format': None, 'label_format': 'png'}
    old = {'type_hint': 'semantic_segmentation_image_data', **formats}
    check_lifted(LEARNER, 2, old, dict.fromkeys(formats, GONE))


@pytest.mark.parametrize(('ignored', 'index'), [(True, -1), (False, None)])
def test_3_the_last_class_could_be_ignored(check_lifted, ignored, index):
    expected = {'ignore_last_class': GONE, 'ignore_class_index': index}
    check_lifted(LEARNER, 3, {**SOLVER, 'ignore_last_class': ignored}, expected)


def test_4_solvers_had_a_test_mode(check_lifted):
    test_mode = {'test_batch_sz': 1, 'test_num_epochs': 1, 'overfit_num_steps': 1}
    check_lifted(LEARNER, 4, {**SOLVER, **test_mode}, dict.fromkeys(test_mode, GONE))


@pytest.mark.parametrize('task', TASKS)
def test_4_learners_had_modes(check_lifted, task):
    modes = {'overfit_mode': False, 'test_mode': False, 'predict_mode': False}
    old = {'type_hint': f'{task}_learner', 'data': {'type_hint': f'{task}_image_data'}, **modes}
    check_lifted(LEARNER, 4, old, dict.fromkeys(modes, GONE))


@pytest.mark.parametrize('task', TASKS)
def test_5_sampling_was_window_opts(check_lifted, task):
    window = {'type_hint': 'geo_data_window', 'size': 9}
    expected = {
        'window_opts': GONE,
        'sampling.type_hint': 'window_sampling',
        'sampling.size': 9,
    }
    check_lifted(LEARNER, 5, {'type_hint': f'{task}_geo_data', 'window_opts': window}, expected)


def test_5_there_could_be_window_opts_by_scene(check_lifted):
    windows = {'s': {'type_hint': 'geo_data_window', 'size': 9, 'method': 'random'}}
    expected = {'sampling.s.type_hint': 'window_sampling', 'sampling.s.method': 'random'}
    check_lifted(LEARNER, 5, {'type_hint': 'geo_data', 'window_opts': windows}, expected)


@pytest.mark.parametrize('kind', ['image', 'geo'])
@pytest.mark.parametrize('task', TASKS)
def test_6_classes_were_names_and_colors(check_lifted, task, kind):
    old = {
        'type_hint': f'{task}_{kind}_data',
        'class_names': ['x', 'y'],
        'class_colors': ['red', [1, 2, 3]],
    }
    expected = {
        'class_names': GONE,
        'class_colors': GONE,
        'class_config.names': ['x', 'y'],
        'class_config.colors': ['red', [1, 2, 3]],
    }
    check_lifted(LEARNER, 6, old, expected)


@pytest.mark.parametrize('task', BACKENDS)
def test_backends_0_had_the_fields_of_data(check_lifted, task):
    moved = {
        'augmentors': ['Blur'],
        'group_uris': ['a', 'b'],
        'group_train_sz': 3,
        'group_train_sz_rel': None,
        'num_workers': 3,
        'base_transform': None,
        'aug_transform': None,
        'plot_options': None,
        'preview_batch_limit': 2,
    }
    old = {
        'type_hint': BACKENDS[task],
        'model': {'type_hint': f'{task}_model', 'backbone': 'resnet50'},
        'solver': SOLVER,
    }
    expected = {
        **dict.fromkeys(moved, GONE),
        'data.type_hint': f'{task}_image_data',
        'data.img_sz': 256,
        **{f'data.{name}': value for name, value in moved.items()},
    }
    check_lifted(BACKEND, 0, {**old, **moved}, expected)
    check_lifted(BACKEND, 0, {**old, 'img_sz': 64}, {'img_sz': GONE, 'data.img_sz': 64})


@pytest.mark.parametrize('task', BACKENDS)
def test_backends_1_had_a_test_mode(check_lifted, task):
    old = {
        'type_hint': BACKENDS[task],
        'model': {'type_hint': f'{task}_model', 'backbone': 'resnet50'},
        'solver': SOLVER,
        'data': {'type_hint': f'{task}_image_data'},
        'test_mode': False,
    }
    check_lifted(BACKEND, 1, old, {'test_mode': GONE})
