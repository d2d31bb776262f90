"""Which windows to read, and which chips to keep."""

from rastervision.core.sampling.aoi_sampler import AoiSampler
from rastervision.core.sampling.object_windows import (
    ObjectDetectionWindowSamplingConfig,
    ObjectWindowSampler,
)
from rastervision.core.sampling.random_windows import RandomWindowSampler
from rastervision.core.sampling.sliding import WindowGrid, window_grid
from rastervision.core.sampling.window_sampling import (
    WindowSamplingConfig,
    WindowSamplingMethod,
    random_window_sampler,
    sliding_windows,
    windows_of_scene,
)

__all__ = [
    'AoiSampler',
    'ObjectDetectionWindowSamplingConfig',
    'ObjectWindowSampler',
    'RandomWindowSampler',
    'WindowGrid',
    'WindowSamplingConfig',
    'WindowSamplingMethod',
    'random_window_sampler',
    'sliding_windows',
    'window_grid',
    'windows_of_scene',
]
