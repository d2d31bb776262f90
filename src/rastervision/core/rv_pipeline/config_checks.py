"""What is wrong with a pipeline config as a whole, found before anything runs."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    ChipClassificationLabelSourceConfig,
    ChipRegressionGeoJSONStoreConfig,
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    DatasetConfig,
    LabelSourceConfig,
    LabelStoreConfig,
    ObjectDetectionGeoJSONStoreConfig,
    ObjectDetectionLabelSourceConfig,
    RasterSourceConfig,
    SceneConfig,
    SemanticSegmentationLabelSourceConfig,
    SemanticSegmentationLabelStoreConfig,
    VectorSourceConfig,
)
from rastervision.core.data.label_store.vector_output import check_vector_outputs
from rastervision.core.data.utils.vector_tiles import is_template
from rastervision.core.evaluation import (
    ChipClassificationEvaluatorConfig,
    ChipRegressionEvaluatorConfig,
    EvaluatorConfig,
    ObjectDetectionEvaluatorConfig,
    SemanticSegmentationEvaluatorConfig,
)
from rastervision.core.image_list import may_exist
from rastervision.core.rv_pipeline.scenes import Split, chipped_scenes, predicted_scenes
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.file_system.local_file_system import to_path

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class TaskParts(NamedTuple):
    """The classes of what a pipeline of a task is made of, by the fields of `_parts`."""

    label_source: type[LabelSourceConfig]
    label_store: type[LabelStoreConfig]
    evaluator: type[EvaluatorConfig]


PARTS_OF_TASKS = {
    'chip_classification': TaskParts(
        ChipClassificationLabelSourceConfig,
        ChipClassificationGeoJSONStoreConfig,
        ChipClassificationEvaluatorConfig,
    ),
    'chip_regression': TaskParts(
        ChipRegressionLabelSourceConfig,
        ChipRegressionGeoJSONStoreConfig,
        ChipRegressionEvaluatorConfig,
    ),
    'object_detection': TaskParts(
        ObjectDetectionLabelSourceConfig,
        ObjectDetectionGeoJSONStoreConfig,
        ObjectDetectionEvaluatorConfig,
    ),
    'semantic_segmentation': TaskParts(
        SemanticSegmentationLabelSourceConfig,
        SemanticSegmentationLabelStoreConfig,
        SemanticSegmentationEvaluatorConfig,
    ),
}
"""Parts of our tasks; those of plugins, which are in no entry, may be for any task."""

CLASS_ID_FIELDS = ('default_class_id', 'background_class_id')


def check_tasks(config: 'RVPipelineConfig') -> None:
    """Raise ConfigError if a backend, label source, label store or evaluator is for another task.

    Only what is known to be for a task is compared; see `RVPipelineConfig.task`.
    """
    if config.task is None:
        return
    backend_task = config.backend.task
    if backend_task not in (None, config.task):
        raise _wrong_task(config, 'backend', config.backend, str(backend_task), 'a backend for it')
    right = PARTS_OF_TASKS.get(config.task)
    for where, kind, part in _parts(config):
        for task, parts in PARTS_OF_TASKS.items():
            if task != config.task and isinstance(part, getattr(parts, kind)):
                instead = getattr(right, kind).__name__ if right else f'a {kind} for it'
                raise _wrong_task(config, where, part, task, instead)


def _wrong_task(
    config: 'RVPipelineConfig', where: str, part: Config, task: str, instead: str
) -> ConfigError:
    mine = str(config.task).replace('_', ' ')
    return ConfigError(
        f'{where}: {type(part).__name__} is for {task.replace("_", " ")}, but '
        f'{type(config).__name__} is for {mine}; use {instead}.'
    )


def _parts(config: 'RVPipelineConfig') -> Iterator[tuple[str, str, Config]]:
    """Name, field of `TaskParts` and config of what may be for one task only."""
    for scene in config.dataset.all_scenes:
        for field in ('label_source', 'label_store'):
            if (part := getattr(scene, field)) is not None:
                yield f'{field} of scene {scene.id!r}', field, part
    for i, evaluator in enumerate(config.evaluators):
        yield f'evaluators[{i}]', 'evaluator', evaluator


def check_class_ids(scene: SceneConfig, classes: ClassConfig) -> None:
    """Raise ConfigError if a class id in the config of a scene is no class."""
    if isinstance(store := scene.label_store, SemanticSegmentationLabelStoreConfig):
        try:
            check_vector_outputs(store.vector_output, classes)
        except ConfigError as e:
            raise ConfigError(f'Scene {scene.id!r}: {e}') from None
    if scene.label_source is None:
        return
    for part in find_configs(scene.label_source, Config):
        for field in CLASS_ID_FIELDS:
            class_id = getattr(part, field, None)
            if isinstance(class_id, int):
                try:
                    classes.get_name(class_id)
                except ConfigError as e:
                    raise ConfigError(f'Scene {scene.id!r}: {field} of its labels: {e}') from None


def check_names(dataset: DatasetConfig) -> None:
    """Raise ConfigError if the name of a scene or scene group leads out of the folder for outputs.

    Predictions, statistics and scores are in files and folders of these names; a slash makes a
    folder.
    """
    names = [('The id of a scene', scene.id) for scene in dataset.all_scenes]
    names += [('The name of a scene group', group) for group in dataset.scene_groups]
    for what, name in names:
        is_absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
        if is_absolute or {'.', '..'} & {*re.split(r'[/\\]', name)}:
            raise ConfigError(
                f'{what}, {name!r}, names files of outputs, so it cannot be an absolute path, nor '
                'have . or .. between slashes.'
            )


def check_outputs(dataset: DatasetConfig) -> None:
    """Raise ConfigError if the predictions for two scenes would go to one file or folder."""
    taken: dict[str, SceneConfig] = {}
    for scene in predicted_scenes(dataset):
        uri = getattr(scene.label_store, 'uri', None)
        if not isinstance(uri, str):
            continue
        place = str(to_path(uri).resolve()) if is_local(uri) else uri.rstrip('/')
        if (other := taken.setdefault(place, scene)) is not scene:
            raise ConfigError(
                f'The label_store of scene {scene.id!r} writes to {uri}, and so does that of scene '
                f'{other.id!r}. Give each scene an uri of its own, or none: it is then chosen by '
                'the id of the scene.'
            )


def check_inputs(config: 'RVPipelineConfig', commands: Sequence[str]) -> None:
    """Raise ConfigError if what commands are to read or train is not there; nothing is opened.

    Local files are looked up, remote ones are not.

    Args:
        config: An updated config.
        commands: The commands that are to run, on this machine.
    """
    dataset = config.dataset
    trained = config.backend.training_dataset(config) if 'train' in commands else None
    if 'train' in commands:
        config.backend.check_model(config)
    if 'predict' in commands and config.predict_options is not None:
        config.backend.check_prediction(config.predict_options)
    learning = [] if trained is None else [('TRAIN', trained)]
    if 'chip' in commands and config.backend.needs_chips(config):
        learning.append(('CHIP', dataset))
    for command, scenes in learning:
        require_train_scenes(scenes, command)
        for split, scene in chipped_scenes(scenes):
            require_labels(scene, split)
            _check_files(scene, with_labels=True)
    if 'analyze' in commands and config.analyzers:
        for scene in dataset.all_scenes:
            _check_files(scene, with_labels=False)
    if {'predict', 'eval'} & {*commands}:
        for scene in predicted_scenes(dataset):
            _check_files(scene, with_labels='eval' in commands)


def require_train_scenes(dataset: DatasetConfig, command: str) -> None:
    """Raise ConfigError if there is no scene to learn from.

    Args:
        dataset: What the command reads.
        command: Its name, for the message.
    """
    if not dataset.train_scenes:
        raise ConfigError(f'There is nothing to learn from: {command} has no train_scenes.')


def require_labels(scene: SceneConfig, split: Split) -> None:
    """Raise ConfigError when a scene cannot be trained on for lack of labels.

    Args:
        scene: The scene.
        split: What it is for.
    """
    if scene.label_source is None:
        where = 'train_scenes' if split == 'train' else 'validation_scenes'
        raise ConfigError(
            f'Scene {scene.id!r} is in {where}, from which the model learns, and has no '
            'label_source. Give it one; a scene that is only to be predicted goes into '
            'test_scenes.'
        )


def _check_files(scene: SceneConfig, *, with_labels: bool) -> None:
    labels = scene.label_source if with_labels else None
    for part in (scene.raster_source, *([] if labels is None else [labels])):
        for source in find_configs(part, Config):
            if isinstance(source, RasterSourceConfig | VectorSourceConfig):
                for field in ('uri', 'uris'):
                    _check_uris(scene, getattr(source, field, None), type(source).__name__)
    _check_uris(scene, scene.aoi_uris, 'aoi_uris')


def _check_uris(scene: SceneConfig, uris: object, what: str) -> None:
    for uri in uris if isinstance(uris, list | tuple) else [uris]:
        if isinstance(uri, str) and _is_missing(uri):
            raise ConfigError(f'Scene {scene.id!r}: cannot read {uri} ({what}): no such file.')


def _is_missing(uri: str) -> bool:
    """Whether a text is surely the path of a local file that is not there.

    Names of GDAL, such as 'NETCDF:file.nc:variable' or the text of a VRT, are no paths.
    """
    is_path = ':' not in uri[2:] and not uri.lstrip().startswith(('<', '{'))
    return is_path and not is_template(uri) and not may_exist(uri)
