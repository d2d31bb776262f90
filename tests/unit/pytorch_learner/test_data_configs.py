import numpy as np
import pytest
import torch

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.dataset_config import DatasetConfig
from rastervision.core.data.label_source.semantic_segmentation_label_source import (
    SemanticSegmentationLabelSourceConfig,
)
from rastervision.core.data.raster_source.rasterio_source import RasterioSourceConfig
from rastervision.core.data.scene import SceneConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    LearnerConfig,
    SolverConfig,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_learner import SemanticSegmentationGeoDataConfig as GeoDataConfig
from rastervision.pytorch_learner import SemanticSegmentationImageDataConfig as ImageDataConfig
from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.data_config import SPLITS
from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform

RANDOM = WindowSamplingMethod.random
CHIPS = ImageDataConfig(class_config=ClassConfig(names=['a', 'b']))


@pytest.fixture
def scene_config(write_raster, pixels, labels):
    """Makes the config of a scene from its id."""
    image, ids = write_raster('image.tif', pixels), write_raster('labels.tif', labels[None])

    def make(scene_id):
        return SceneConfig(
            id=scene_id,
            raster_source=RasterioSourceConfig(uris=image),
            label_source=SemanticSegmentationLabelSourceConfig(
                raster_source=RasterioSourceConfig(uris=ids)
            ),
        )

    return make


@pytest.fixture
def scenes(scene_config, classes):
    return DatasetConfig(
        class_config=classes,
        train_scenes=[scene_config('a'), scene_config('b')],
        validation_scenes=[scene_config('c')],
    )


def geo(scenes, size=20, **fields):
    cfg = GeoDataConfig(
        scene_dataset=scenes, sampling=WindowSamplingConfig(size=size), img_sz=24, **fields
    )
    cfg.update()
    cfg.validate_config()
    return cfg


# ---- scenes


def test_windows_of_all_scenes_are_resized_to_img_sz(scenes):
    train, valid, test = geo(scenes).build()
    assert (len(train), len(valid), test) == (24, 12, None)
    x, y = train[13]
    assert x.shape == (3, 24, 24)
    assert y.shape == (24, 24)


def test_only_training_images_are_augmented(scenes):
    cfg = geo(scenes, augmentors=['RandomRotate90'])
    train, valid, _ = cfg.build()
    torch.manual_seed(0)
    assert torch.equal(valid[3][0], valid[3][0])
    assert len({train[3][0].numpy().tobytes() for _ in range(16)}) == 4


def test_random_sampling_takes_size_as_the_limits(scenes):
    sampling = WindowSamplingConfig(method=RANDOM, size=30, max_windows=5)
    assert sampling.size_lims == (30, 31)
    cfg = GeoDataConfig(scene_dataset=scenes, sampling=sampling, img_sz=16)
    cfg.update()
    train, valid, _ = cfg.build()
    assert (len(train), len(valid)) == (10, 5)
    assert train.datasets[0].max_size == (31, 31)  # exclusive, as in release 0.31
    assert train[0][0].shape == (3, 16, 16)


def test_chipping_gives_arrays_with_their_windows(scenes, pixels):
    train, *_ = geo(scenes).build(for_chipping=True)
    (x, y), window = train[1]
    np.testing.assert_array_equal(x, pixels[:, :20, 20:40].transpose(1, 2, 0))
    assert x.dtype == y.dtype == np.uint8
    assert window.tuple_format() == (0, 20, 20, 40)


def test_sampling_by_scene(scenes):
    sampling = {i: WindowSamplingConfig(size=s) for i, s in (('a', 20), ('b', 40), ('c', 60))}
    cfg = GeoDataConfig(scene_dataset=scenes, sampling=sampling)
    cfg.update()
    cfg.validate_config()
    train, valid, _ = cfg.build()
    assert (len(train), len(valid)) == (12 + 4, 2)


def test_sampling_of_every_scene_has_to_be_given(scenes):
    for sampling in ({}, {'a': WindowSamplingConfig(size=3)}):
        cfg = GeoDataConfig(scene_dataset=scenes, sampling=sampling)
        with pytest.raises(ConfigError, match=r'sampling has no entry for the scenes .*b, c'):
            cfg.validate_config()
        with pytest.raises(ConfigError, match=r"sampling has no entry for scene 'c'"):
            cfg.build_dataset('valid')


def test_classes_come_from_the_scenes_and_have_a_null_class(scenes):
    cfg = geo(scenes)
    assert cfg.class_names == ['field', 'water', 'null']
    assert cfg.num_classes == 3
    assert cfg.class_config is not scenes.class_config


def test_contradicting_classes(scenes):
    cfg = GeoDataConfig(
        class_config=ClassConfig(names=['other']),
        scene_dataset=scenes,
        sampling=WindowSamplingConfig(size=20),
    )
    with pytest.raises(ConfigError, match=r"class_config has the names \['other'\]"):
        cfg.validate_config()


def test_missing_scenes_are_named():
    with pytest.raises(ConfigError, match='scene_dataset is not set'):
        GeoDataConfig().build_dataset('train')


@pytest.mark.parametrize(('fields', 'length'), [({'train_sz': 5}, 5), ({'train_sz_rel': 0.5}, 12)])
def test_a_part_of_the_training_data(scenes, fields, length):
    train, valid, _ = geo(scenes, **fields).build()
    assert (len(train), len(valid)) == (length, 12)


def test_img_channels_come_from_the_training_data(scenes):
    cfg = geo(scenes)
    assert cfg.img_channels is None
    assert cfg.infer_img_channels(cfg.build_dataset('train')) == 3
    assert cfg.img_channels == 3
    assert cfg.plot_options.channel_display_groups == {'Input': [0, 1, 2]}


def test_contradicting_img_channels(scenes):
    cfg = geo(scenes, img_channels=4)
    with pytest.raises(ConfigError, match=r'img_channels=4 but .* 3'):
        cfg.infer_img_channels(cfg.build_dataset('train'))


# ---- transforms


def test_the_order_is_augment_resize_base():
    base, aug = alb.to_dict(alb.Transpose(p=1)), alb.to_dict(alb.HorizontalFlip(p=1))
    cfg = ImageDataConfig(img_sz=4, base_transform=base, aug_transform=aug)
    for_all, for_training = cfg.get_data_transforms()
    x = np.random.default_rng(0).integers(0, 255, (4, 4, 3), np.uint8)
    np.testing.assert_array_equal(for_all(image=x)['image'], x.transpose(1, 0, 2))
    flipped = x[:, ::-1].transpose(1, 0, 2)
    np.testing.assert_array_equal(for_training(image=x)['image'], flipped)


def test_augmentors_by_name():
    names = ['Blur', 'ToGray', 'RGBShift']
    _, for_training = ImageDataConfig(augmentors=names).get_data_transforms()
    assert [type(t).__name__ for t in for_training.transforms] == [*names, 'Resize']


def test_simple_transforms_do_without_albumentations():
    simple = [ImageDataConfig(img_sz=4), ImageDataConfig(augmentors=[])]
    assert all(isinstance(c.transform_of(s), QuickTransform) for c in simple for s in SPLITS)
    blur = ImageDataConfig(augmentors=['Blur'])
    assert isinstance(blur.transform_of('valid'), QuickTransform)
    assert isinstance(blur.transform_of('train'), alb.Compose)
    turn = alb.to_dict(alb.Transpose(p=1))
    assert isinstance(ImageDataConfig(base_transform=turn).transform_of('valid'), alb.Compose)
    assert isinstance(ImageDataConfig(aug_transform=turn).transform_of('train'), alb.Compose)


def test_an_own_idea_of_the_transforms_is_respected():
    class Own(ImageDataConfig):
        def get_data_transforms(self):
            return 'for all', 'for training'

    assert [Own().transform_of(s) for s in SPLITS] == ['for training', 'for all', 'for all']


# ---- the learner's config


def test_learner_checks_the_solver_against_the_classes():
    data = CHIPS
    LearnerConfig(data=data, solver=SolverConfig(class_loss_weights=[1, 2])).validate_config()
    for solver in (SolverConfig(class_loss_weights=[1]), SolverConfig(ignore_class_index=3)):
        with pytest.raises(ConfigError, match=r'solver: (class_loss_weights|ignore_class_index)'):
            LearnerConfig(data=data, solver=solver).validate_config()


def test_tensorboard_needs_its_logs():
    cfg = LearnerConfig(data=CHIPS, run_tensorboard=True, log_tensorboard=False)
    with pytest.raises(ConfigError, match='run_tensorboard=True'):
        cfg.validate_config()


def test_model_bundle_uri():
    cfg = LearnerConfig(data=CHIPS, output_uri='root/train/')
    assert cfg.get_model_bundle_uri() == 'root/train/model-bundle.zip'
    with pytest.raises(ConfigError, match='output_uri is not set'):
        LearnerConfig(data=CHIPS).get_model_bundle_uri()


def test_foreign_code_is_found():
    external = {'type_hint': 'external-module', 'uri': 'x', 'entrypoint': 'y'}
    cfg = LearnerConfig.from_dict(
        {
            'type_hint': 'learner',
            'data': {
                'type_hint': 'image_data',
                'aug_transform': {'lambda_transforms_path': 'a.py'},
                'plot_options': {
                    'type_hint': 'plot_options',
                    'transform': {'lambda_transforms_path': 'b.py'},
                },
            },
            'model': {'type_hint': 'model', 'external_def': external},
            'solver': {'type_hint': 'solver', 'external_loss_def': external},
            'plugin_versions': {'rastervision.pytorch_learner': 7},
        }
    )
    assert cfg.foreign_code() == [
        'model.external_def',
        'solver.external_loss_def',
        'data.aug_transform',
        'data.plot_options.transform',
    ]
    assert LearnerConfig(data=CHIPS).foreign_code() == []


def test_random_windows_of_segmentation_can_be_balanced(scenes):
    """The sampling of validation scenes does not matter."""
    random = WindowSamplingConfig(method=RANDOM, size=20)
    sliding = WindowSamplingConfig(size=20)
    sampling = {'a': random, 'b': random, 'c': sliding}
    GeoDataConfig(scene_dataset=scenes, sampling=sampling, balance_classes=True).validate_config()
    cfg = GeoDataConfig(
        scene_dataset=scenes, sampling=sampling | {'b': sliding}, balance_classes=True
    )
    with pytest.raises(ConfigError, match=r"scene 'b' is sliding"):
        cfg.validate_config()
