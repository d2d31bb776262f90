"""Everything that can be known about a pipeline before it runs."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rastervision.core.backend import ModelSize
from rastervision.core.data import SceneConfig
from rastervision.core.rv_pipeline.command_facts import PipelineFacts
from rastervision.core.rv_pipeline.config_checks import require_train_scenes
from rastervision.core.rv_pipeline.validation.across import problems_between
from rastervision.core.rv_pipeline.validation.findings import SceneFindings, Use, to_json
from rastervision.core.rv_pipeline.validation.heard import quiet_log
from rastervision.core.rv_pipeline.validation.needs import Need, machine, needs
from rastervision.core.rv_pipeline.validation.scene_checks import SceneChecks
from rastervision.core.rv_pipeline.validation.text import as_text, size
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.progress import track
from rastervision.pipeline.validation import Problem, Validation, root_problems

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

THREADS = 4

USES: tuple[tuple[Use, str], ...] = (
    ('train', 'train_scenes'),
    ('validation', 'validation_scenes'),
    ('test', 'test_scenes'),
)


def validate_pipeline(pipeline: 'RVPipeline') -> Validation:
    """Open everything that a pipeline reads, and tell what it would do and what is wrong.

    Of large images, some windows are read. Problems do not end it: all of them are found.
    """
    config = pipeline.config
    classes = config.dataset.class_config
    work = scenes_and_uses(config)
    checks = SceneChecks(pipeline, {*PipelineFacts(config).analyses()})
    with quiet_log(), ThreadPoolExecutor(THREADS) as pool:
        looked = pool.map(lambda item: checks.look_at(*item), work)
        found = list(track(looked, total=len(work), desc='Looking at scenes', unit='scenes'))
        problems, model = _check_model(pipeline, found)
    commands = needs(config, found, model)
    parameters = None if model is None else model.parameters
    here = machine(config.root_uri or '.')
    problems = root_problems(config.root_uri) + problems
    problems += [problem for f in found for problem in f.problems]
    problems += problems_between([scene for scene, _ in work], found, classes)
    problems += _of_commands(pipeline, commands, found, here['free_disk'])
    facts = {
        'scenes': [to_json(f, classes.names) for f in found],
        'commands': [{n: getattr(need, n) for n in need.__slots__} for need in commands],
        'parameters': parameters,
        'machine': here,
    }
    text = as_text(found, classes.names, commands, here, parameters)
    return Validation(tuple(dict.fromkeys(problems)), facts, text)


def scenes_and_uses(config: 'RVPipelineConfig') -> list[tuple[SceneConfig, tuple[Use, ...]]]:
    """Return the scenes of a pipeline, and of its training data, each once, with its uses.

    Two scenes that differ may have one id.
    """
    trained = config.backend.training_dataset(config)
    listed = [(use, s) for use, field in USES for s in getattr(config.dataset, field)]
    if trained is not None:
        listed += [(use, s) for use, field in USES[:2] for s in getattr(trained, field)]
    by_id: dict[str, list[tuple[SceneConfig, list[Use]]]] = {}
    for use, scene in listed:
        same_id = by_id.setdefault(scene.id, [])
        uses = next((uses for other, uses in same_id if other == scene), None)
        if uses is None:
            same_id.append((scene, [use]))
        elif use not in uses:
            uses.append(use)
    return [(scene, tuple(uses)) for same_id in by_id.values() for scene, uses in same_id]


def _check_model(
    pipeline: 'RVPipeline', found: Sequence[SceneFindings]
) -> tuple[list[Problem], ModelSize | None]:
    """Try the model, and what decides how it is used; return its problems and its size."""
    config, backend = pipeline.config, pipeline.config.backend
    channels = next((f.image.channels for f in found if f.image is not None), None)
    model: ModelSize | None = None

    def make_model() -> None:
        nonlocal model
        if channels is not None:
            model = backend.try_model(config, channels, pipeline.tmp_dir)

    def check_prediction() -> None:
        if config.predict_options is not None:
            backend.check_prediction(config.predict_options)

    trained = backend.training_dataset(config)
    if trained is None and backend.needs_chips(config):
        trained = config.dataset
    problems = [*_failing('PREDICT', check_prediction)]
    if trained is not None:
        problems += _failing('TRAIN', lambda: require_train_scenes(trained, 'TRAIN'))
    wrong = [*_failing('TRAIN', lambda: backend.check_model(config))]
    problems += wrong or _failing('TRAIN', make_model)
    if pipeline.is_hooked('check_inputs'):
        problems += _failing('inputs', lambda: pipeline.check_inputs(pipeline.commands))
    return problems, model


def _failing(where: str, check: Callable[[], object]) -> Iterator[Problem]:
    try:
        check()
    except RVError as error:
        yield Problem(where, str(error), is_error=True)
    except Exception as error:  # noqa: BLE001 - code of others may raise anything
        yield Problem(where, f'{type(error).__name__}: {error}', is_error=True)


def _of_commands(
    pipeline: 'RVPipeline',
    commands: Sequence[Need],
    found: Sequence[SceneFindings],
    free_disk: int | None,
) -> Iterator[Problem]:
    train = [f.windows['train'] for f in found if 'train' in f.windows]
    if train and not any(windows.kept for windows in train):
        is_sure = all(windows.is_exact for windows in train)
        what = 'has no windows to learn from' if is_sure else 'may have no windows to learn from'
        yield Problem(
            'TRAIN',
            f'it {what}: none of those of the train scenes that were tried passes the filters of '
            'chip_options, or there are none.',
            is_error=is_sure,
        )
    disk = sum(need.disk or 0 for need in commands)
    if free_disk is not None and disk > free_disk:
        yield Problem(
            'disk',
            f'the outputs may take up to {size(disk)}, and {size(free_disk)} are free at '
            f'{pipeline.config.root_uri}.',
            is_error=False,
        )
