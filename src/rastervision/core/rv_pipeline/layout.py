"""Where each command of a pipeline writes, below ``root_uri``."""

from typing import Final
from urllib.parse import quote

STAGES: Final = ('analyze', 'chip', 'train', 'predict', 'eval', 'bundle')

TRAIN_SCENES: Final = 'train_scenes'
"""The scene group that transformers take their statistics from by default."""


def join_uri(base: str, *parts: str) -> str:
    """Join parts of a URI with '/', which works for local paths as well."""
    return '/'.join([base.rstrip('/'), *parts])


def stage_uri(root_uri: str, stage: str) -> str:
    """Return the folder that a command writes to."""
    return join_uri(root_uri, stage)


def stats_root(analyze_uri: str) -> str:
    """Return the folder of the statistics of all scene groups."""
    return join_uri(analyze_uri, 'stats')


def stats_uri(analyze_uri: str, scene_group: str) -> str:
    """Return the statistics file of a scene group."""
    return join_uri(stats_root(analyze_uri), scene_group, 'stats.json')


def model_bundle_uri(stage_dir: str) -> str:
    """Return the bundle that TRAIN or BUNDLE writes into its folder."""
    return join_uri(stage_dir, 'model-bundle.zip')


def chips_name(split: str, scene_id: str) -> str:
    """Return the name of the zip file of a scene's chips; '/' in an id makes no folder."""
    return f'{split}-{quote(scene_id, safe=" ")}.zip'


def chips_uri(chip_uri: str, split: str, scene_id: str) -> str:
    """Return the zip file with the chips of a scene."""
    return join_uri(chip_uri, chips_name(split, scene_id))


def eval_uri(eval_dir: str, scene_group: str) -> str:
    """Return the scores of a scene group."""
    return join_uri(eval_dir, scene_group, 'eval.json')


def preview_uri(eval_dir: str, scene_group: str) -> str:
    """Return the picture of image, truth and prediction of a scene group."""
    return join_uri(eval_dir, scene_group, 'preview.png')
