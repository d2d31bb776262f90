"""Predicting scenes in parts, and joining the predictions of overlapping windows."""

from rastervision.core.prediction.blending import Blender, BlendWeight, blend, weight_window
from rastervision.core.prediction.scene_plan import Part, Run, ScenePlan, prediction_windows
from rastervision.core.prediction.tiles import ScoreTile
from rastervision.core.prediction.window_plan import WindowPart, WindowPlan, WindowRun
from rastervision.core.prediction.window_results import WindowBoxes, WindowScores

__all__ = [
    'BlendWeight',
    'Blender',
    'Part',
    'Run',
    'ScenePlan',
    'ScoreTile',
    'WindowBoxes',
    'WindowPart',
    'WindowPlan',
    'WindowRun',
    'WindowScores',
    'blend',
    'prediction_windows',
    'weight_window',
]
