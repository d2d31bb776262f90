"""Predicting scenes in parts, and joining the predictions of overlapping windows."""

from rastervision.core.prediction.blending import Blender, BlendWeight, blend, weight_window
from rastervision.core.prediction.scene_plan import Part, Run, ScenePlan, prediction_windows
from rastervision.core.prediction.tiles import ScoreTile

__all__ = [
    'BlendWeight',
    'Blender',
    'Part',
    'Run',
    'ScenePlan',
    'ScoreTile',
    'blend',
    'prediction_windows',
    'weight_window',
]
