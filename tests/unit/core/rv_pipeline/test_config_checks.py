"""What is wrong with a config is told before anything runs."""

import pytest

from rastervision.core.backend import BackendConfig
from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    ChipClassificationLabelSourceConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSourceConfig,
    PolygonVectorOutputConfig,
    RasterioSourceConfig,
    SemanticSegmentationLabelStoreConfig,
)
from rastervision.core.evaluation import ObjectDetectionEvaluatorConfig
from rastervision.core.rv_pipeline import SemanticSegmentationConfig
from rastervision.core.rv_pipeline.config_checks import check_outputs
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

CELLS = ChipClassificationLabelSourceConfig()
BOXES = ObjectDetectionLabelSourceConfig(vector_source=GeoJSONVectorSourceConfig(uris='a.json'))


@register_config('test_backend_of_cells')
class BackendOfCells(BackendConfig):
    task = 'chip_classification'


class OwnConfig(SemanticSegmentationConfig):
    task = None


class FromScenes(BackendConfig):
    def training_dataset(self, pipeline):
        return pipeline.dataset


def wrong_labels(cfg):
    cfg.dataset.train_scenes[0].label_source = CELLS


def wrong_store(cfg):
    cfg.dataset.validation_scenes[0].label_store = ChipClassificationGeoJSONStoreConfig()


def wrong_evaluator(cfg):
    cfg.evaluators = [ObjectDetectionEvaluatorConfig()]


def wrong_backend(cfg):
    cfg.backend = BackendOfCells()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (wrong_labels, r'label_source of scene .* use SemanticSegmentationLabelSourceConfig'),
        (wrong_store, r'label_store of scene .* use SemanticSegmentationLabelStoreConfig'),
        (wrong_evaluator, r'evaluators\[0\].* use SemanticSegmentationEvaluatorConfig'),
        (wrong_backend, r'backend: BackendOfCells is for chip classification'),
    ],
)
def test_parts_of_another_task_are_refused(updated, change, message) -> None:
    change(updated)
    with pytest.raises(ConfigError, match=message):
        updated.validate_config()


def test_a_pipeline_without_a_task_takes_any_part(updated) -> None:
    for change in (wrong_labels, wrong_store, wrong_evaluator, wrong_backend):
        change(updated)
    fields = {name: getattr(updated, name) for name in type(updated).model_fields}
    OwnConfig.model_construct(**fields).validate_config()


def test_vector_outputs_have_to_be_of_classes(updated) -> None:
    scene = updated.dataset.validation_scenes[0]
    scene.label_store = SemanticSegmentationLabelStoreConfig(
        vector_output=[PolygonVectorOutputConfig(class_id=4)]
    )
    with pytest.raises(ConfigError, match=f'Scene {scene.id!r}: vector_output has class_id=4'):
        updated.validate_config()


def test_class_ids_of_labels_have_to_be_classes(updated) -> None:
    source = GeoJSONVectorSourceConfig(
        uris='a.json', transformers=[ClassInferenceTransformerConfig(default_class_id=9)]
    )
    scene = updated.dataset.train_scenes[0]
    scene.label_source = ObjectDetectionLabelSourceConfig(vector_source=source)
    type(updated).task, before = None, type(updated).task
    try:
        with pytest.raises(ConfigError, match=f'Scene {scene.id!r}: default_class_id .*9'):
            updated.validate_config()
    finally:
        type(updated).task = before


@pytest.mark.parametrize('name', ['..', '../a', 'a/./b', 'a/..', '/a', 'a\\..\\b', 'C:/a', '\\a'])
def test_names_do_not_lead_out_of_the_folders_of_outputs(updated, name) -> None:
    updated.dataset.scene_groups = {name: {'val'}}
    with pytest.raises(ConfigError, match=r'scene group, .* cannot be an absolute path'):
        updated.validate_config()
    updated.dataset.scene_groups = {}
    updated.dataset.validation_scenes[0].id = name
    with pytest.raises(ConfigError, match=r'id of a scene, .* nor have \. or \.\.'):
        updated.validate_config()


@pytest.mark.parametrize('name', ['a/b', '...', 'a..b', '.a', 'a b', 's3://bucket/a.tif', 'ab:c'])
def test_other_names_are_taken(updated, name) -> None:
    updated.dataset.scene_groups = {name: {'val'}}
    updated.validate_config()


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('/p/a', '/p/a'),
        ('/p/a', 'file:///p/a/'),
        ('/p/a', '/p/b/../a'),
        ('s3://bucket/a', 's3://bucket/a/'),
    ],
)
def test_two_scenes_do_not_write_to_one_place(config, one, other) -> None:
    first, second = config.dataset.validation_scenes[0], config.dataset.test_scenes[0]
    first.label_store = SemanticSegmentationLabelStoreConfig(uri=one)
    second.label_store = SemanticSegmentationLabelStoreConfig(uri=other)
    config.update()
    with pytest.raises(ConfigError, match=f"'test' writes to {other}, .* of scene 'val'"):
        config.validate_config()
    second.label_store.uri = f'{other}/b'
    config.validate_config()


def test_files_of_cells_are_compared_as_well(updated) -> None:
    scenes = [scene.copy() for scene in updated.dataset.all_scenes]
    for scene in scenes:
        scene.label_store = ChipClassificationGeoJSONStoreConfig(uri='/p/cells.json')
    train, rest = scenes[:3], scenes[3:]
    classes = updated.dataset.class_config
    check_outputs(DatasetConfig(class_config=classes, train_scenes=train, validation_scenes=rest))
    with pytest.raises(ConfigError, match=r'/p/cells\.json'):
        check_outputs(DatasetConfig(class_config=classes, train_scenes=[], validation_scenes=train))


def test_a_scene_to_validate_and_to_test_on_is_written_once(updated) -> None:
    updated.dataset.scene_groups = {}
    updated.dataset.test_scenes = [updated.dataset.validation_scenes[0].copy()]
    updated.validate_config()


@pytest.mark.parametrize('split', ['train_scenes', 'validation_scenes'])
@pytest.mark.parametrize('command', ['chip', 'train'])
def test_scenes_to_learn_from_need_labels(pipeline, split, command) -> None:
    pipeline.config.backend = FromScenes()
    scene = getattr(pipeline.config.dataset, split)[0]
    scene.label_source = None
    with pytest.raises(ConfigError, match=f'{scene.id!r} is in {split}.* no label_source'):
        pipeline.check_inputs([command])
    pipeline.check_inputs(['predict', 'eval', 'bundle'])


def test_there_has_to_be_something_to_learn_from(pipeline) -> None:
    pipeline.config.dataset.scene_groups = {}
    pipeline.config.dataset.train_scenes = []
    pipeline.check_inputs(['predict', 'train'])  # of chips that are there already
    with pytest.raises(ConfigError, match='CHIP has no train_scenes'):
        pipeline.check_inputs(['chip', 'train'])
    with pytest.raises(ConfigError, match='CHIP has no train_scenes'):
        pipeline.chip()
    pipeline.config.backend = FromScenes()
    with pytest.raises(ConfigError, match='TRAIN has no train_scenes'):
        pipeline.check_inputs(['train'])
    with pytest.raises(ConfigError, match='TRAIN has no train_scenes'):
        pipeline.train()


def test_missing_files_are_told_for_the_commands_that_read_them(pipeline) -> None:
    scene = pipeline.config.dataset.train_scenes[0]
    scene.raster_source = RasterioSourceConfig(uris=['no_such.tif'])
    with pytest.raises(ConfigError, match=f'{scene.id!r}.*no_such.tif .*RasterioSourceConfig'):
        pipeline.check_inputs(['chip'])
    pipeline.check_inputs(['predict', 'eval'])


@pytest.mark.parametrize(
    'uri', ['https://host/a.tif', '/vsizip/a.zip/a.tif', 'NETCDF:a.nc:v', '<VRTDataset/>']
)
def test_what_is_no_local_path_is_not_looked_up(pipeline, uri) -> None:
    scene = pipeline.config.dataset.train_scenes[0]
    scene.raster_source = RasterioSourceConfig(uris=[uri])
    pipeline.check_inputs(['chip'])


def test_the_model_is_looked_up_before_chips_are_cut(pipeline, monkeypatch) -> None:
    def check_model(*_) -> None:
        raise ConfigError('no such network')

    monkeypatch.setattr(type(pipeline.config.backend), 'check_model', check_model)
    pipeline.check_inputs(['chip', 'predict'])
    with pytest.raises(ConfigError, match='no such network'):
        pipeline.check_inputs(['chip', 'train'])
