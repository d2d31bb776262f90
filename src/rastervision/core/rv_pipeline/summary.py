"""What a run tells its user at the end: scores, outputs, and how to go on."""

import os
import shlex
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.scenes import file_sources, images_per_scene, predicted_scenes
from rastervision.pipeline.config import walk
from rastervision.pipeline.file_system import file_exists, file_to_json, list_paths

if TYPE_CHECKING:
    from rastervision.core.data import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

METRICS = ('precision', 'recall', 'f1', 'iou', 'ap50', 'ap', 'mae', 'rmse', 'bias', 'r2')
BALANCED = (('macro_f1', 'macro F1'), ('balanced_accuracy', 'balanced accuracy'))
COUNTS = ('gt_count', 'pred_count', 'count')
FILES_OF_TRAIN = ('log.csv', 'valid_preds.png', 'valid_errors.png')
MAX_SCENES = 10


def summarize(config: 'RVPipelineConfig', outdated: Mapping[str, str] | None = None) -> str:
    """Tell the scores, the outputs that exist, and the command that predicts another image.

    Args:
        config: An updated pipeline config; what it has not written yet is left out.
        outdated: Commands whose results are not up to date, and why. Their results are left out,
            and the end says so.
    """
    stale = outdated or {}
    sections = list(_outputs(config, stale))
    if 'eval' not in stale:
        sections = [*_scores(config), *sections]
    if 'bundle' not in stale:
        sections += _next_step(config)
    if stale:
        reasons = '\n'.join(f'  {command}: {reason}' for command, reason in stale.items())
        sections.append(
            f'Not up to date, and so not shown here:\n{reasons}\n'
            f'Run {" ".join(stale)} to make the results anew.'
        )
    return '\n\n'.join(sections)


def score_table(items: Iterable[dict[str, Any]]) -> str:
    """Format evaluation items (the ``overall`` of an eval.json) as a table.

    There is a row per class, or per target of a regression, and one for the averages over classes,
    each class with the weight of its share of the truth. A line below has the scores for
    which all classes count the same. Classes that occur neither in the truth nor in the
    predictions are left out.
    """
    present = [i for i in items if any(i.get(key) for key in COUNTS)]
    metrics = [m for m in METRICS if any(m in i.get('metrics', {}) for i in present)]
    rows = [['target' if any('target' in i for i in present) else 'class', *metrics]]
    rows += [[_name(i), *(_number(metric_of(i, m)) for m in metrics)] for i in present]
    return '\n'.join([_align(rows), *_balanced_scores(present)])


def _name(item: dict[str, Any]) -> str:
    name = str(item.get('class_name', item.get('target')))
    return 'weighted average' if is_average(item) else name


def is_average(item: dict[str, Any]) -> bool:
    """Whether an item is that of all classes; only those of a class have an id."""
    return item.get('class_name') == 'average' and 'class_id' not in item


def _balanced_scores(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    for metrics in (item['metrics'] for item in items if is_average(item)):
        found = [f'{n} {metrics[key]:.3f}' for key, n in BALANCED if metrics.get(key) is not None]
        if found:
            yield f'  every class counting the same: {", ".join(found)}'


def metric_of(item: dict[str, Any], name: str) -> float | None:
    """Return a metric of an evaluation item; None if it has none."""
    metrics = item.get('metrics', {})
    if name == 'f1' and metrics.get('precision') == metrics.get('recall') == 0:
        return 0.0  # the file says null, as that of release 0.31
    value: float | None = metrics.get(name)
    return value


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _align(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append('  ' + '  '.join(cells).rstrip())
    return '\n'.join(lines)


def _scores(config: 'RVPipelineConfig') -> Iterator[str]:
    classes = config.dataset.class_config
    nodata = classes.null_class if classes.null_is_nodata else None
    for group, ids in config.dataset.scene_groups.items():
        if not ids:
            continue
        for uri in filter(file_exists, config.scores_uris(group)):
            items = file_to_json(uri)['overall']
            scenes = f'{len(ids)} scene{"" if len(ids) == 1 else "s"}'
            lines = [score_table(items), *_predicted_nodata(items, nodata)]
            yield '\n'.join([f'Scores on {group} ({scenes}):', *lines])
        preview = config.preview_uri(group)
        if file_exists(preview):
            yield f'Image, truth and prediction of {group} side by side:\n  {preview}'


def _predicted_nodata(items: Sequence[dict[str, Any]], nodata: str | None) -> Iterator[str]:
    """Say how often a class that stands for missing data was predicted where there are data."""
    total = sum(item.get('pred_count') or 0 for item in items if not is_average(item))
    for item in items:
        if item.get('class_name') == nodata and item.get('pred_count'):
            share = 100 * item['pred_count'] / total
            yield (
                f'  {nodata!r} was predicted for {share:.2g} % of what counts, which has data and '
                'labels; this lowers the recall of the others.'
            )


def _outputs(config: 'RVPipelineConfig', stale: Collection[str]) -> Iterator[str]:
    found = [
        uri
        for command, uris in _outputs_of_commands(config)
        for uri in uris
        if command not in stale and (uri.startswith('...') or file_exists(uri))
    ]
    if found:
        yield 'Outputs:\n' + '\n'.join(f'  {uri}' for uri in found)


def _outputs_of_commands(config: 'RVPipelineConfig') -> Iterator[tuple[str, list[str]]]:
    """The files, there or not, that commands write and people look at."""
    groups = [group for group, ids in config.dataset.scene_groups.items() if ids]
    yield 'analyze', [layout.stats_uri(config.stage_uri('analyze'), group) for group in groups]
    train = config.stage_uri('train')
    yield 'train', [layout.join_uri(train, n) for n in FILES_OF_TRAIN]
    scenes = predicted_scenes(config.dataset)
    for scene in scenes[:MAX_SCENES]:
        yield 'predict', _predictions(getattr(scene.label_store, 'uri', None))
    if len(scenes) > MAX_SCENES:
        more = len(scenes) - MAX_SCENES
        yield 'predict', [f'... and {more} more scenes below {config.stage_uri("predict")}']
    yield 'eval', [uri for group in groups for uri in config.scores_uris(group)]
    yield 'bundle', [layout.model_bundle_uri(config.stage_uri('bundle'))]


def _predictions(uri: str | None) -> list[str]:
    """Return the files of one scene's predictions; ``uri`` is a file or a folder of files."""
    if uri is None or not file_exists(uri):
        return []
    if file_exists(uri, include_dir=False):
        return [uri]
    folders = [uri, layout.join_uri(uri, 'vector_output')]
    return [
        path
        for folder in folders
        if file_exists(folder)
        for path in sorted(list_paths(folder))
        if file_exists(path, include_dir=False)
    ]


def _next_step(config: 'RVPipelineConfig') -> Iterator[str]:
    bundle = layout.model_bundle_uri(config.stage_uri('bundle'))
    if not file_exists(bundle):
        return
    count = images_per_scene(_example(config))
    image = _some_image(config) if count == 1 else 'images.csv'
    folder = config.root_uri or config.stage_uri('bundle')
    suffix = _suffix(config) if count == 1 else ''
    args = ['rastervision', 'predict', bundle, image]
    args.append(layout.join_uri(folder, f'new-prediction{suffix}'))
    if any(getattr(c, 'external_def', None) is not None for _, c in walk(config.backend)):
        args.append('--trust-code')
    command = subprocess.list2cmdline(args) if os.name == 'nt' else shlex.join(args)
    if count == 1:
        yield f'Predict on another image (here one of the validation images):\n  {command}'
    else:
        columns = ','.join(f'image_{i + 1}' for i in range(count))
        yield (
            f'Predict on other images: name the {count} images of each scene in a row of a file '
            f'images.csv, whose first line is {columns}, and run\n  {command}'
        )


def _example(config: 'RVPipelineConfig') -> 'SceneConfig':
    """The scene that a bundle is predicted like."""
    return (config.dataset.validation_scenes or config.dataset.all_scenes)[0]


def _suffix(config: 'RVPipelineConfig') -> str:
    """End of the name of what is predicted: '' for a folder."""
    stores = (scene.label_store for scene in predicted_scenes(config.dataset))
    return next((store.file_suffix for store in stores if store is not None), '')


def _some_image(config: 'RVPipelineConfig') -> str:
    for scene in [*predicted_scenes(config.dataset), *config.dataset.train_scenes]:
        for source in file_sources(scene):
            uris = [source.uris] if isinstance(source.uris, str) else source.uris
            if len(uris) == 1:
                return str(uris[0])
    return 'IMAGE'
