"""Joining the predictions of overlapping windows."""

from rastervision.core.prediction.blending import Blender, BlendWeight, blend, weight_window
from rastervision.core.prediction.tiles import ScoreTile

__all__ = ['BlendWeight', 'Blender', 'ScoreTile', 'blend', 'weight_window']
