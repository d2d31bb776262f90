"""How many windows of a scene a model learns from, and what predicting it takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data import Scene, SemanticSegmentationLabelStore
from rastervision.core.prediction import WindowPlan
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.validation.findings import PredictionFacts, WindowFacts
from rastervision.core.sampling import WindowSamplingConfig, WindowSamplingMethod, windows_of_scene
from rastervision.core.utils.misc import ensure_tuple

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

TRIED = 16
"""Windows that are read, to see how many pass the filters of CHIP."""

FLOAT_BYTES = 4


def training_windows(
    scene: Scene, sampling: WindowSamplingConfig, options: ChipOptions | None = None
) -> WindowFacts:
    """Count the windows of a scene that a model learns from, and try some of them.

    Args:
        scene: A scene with labels.
        sampling: How windows are chosen.
        options: Whose filters windows must pass; None for no filters.

    Raises:
        RVError: Windows do not fit, or cannot be read.
    """
    rng = np.random.default_rng(0)
    windows: Sequence[Box]
    if sampling.method == WindowSamplingMethod.random:
        count = sampling.max_windows
        sampler = sampling.build_sampler(scene)
        windows = [sampler.sample(rng) for _ in range(min(count, TRIED))]
    else:
        found = windows_of_scene(scene, sampling, rng)
        windows = found if isinstance(found, Sequence) else list(found)
        count = len(windows)
    return _tried(scene, windows, count, sampling, options)


def hooked_windows(
    pipeline: 'RVPipeline', scene: Scene, sampling: WindowSamplingConfig
) -> WindowFacts:
    """Count the windows that a pipeline of a third party chooses itself, and try some."""
    windows = pipeline.get_train_windows(scene)
    return _tried(scene, windows, len(windows), sampling, pipeline.chip_options())


def _tried(
    scene: Scene,
    windows: Sequence[Box],
    count: int,
    sampling: WindowSamplingConfig,
    options: ChipOptions | None,
) -> WindowFacts:
    steps = np.linspace(0, max(0, len(windows) - 1), min(TRIED, len(windows))).round()
    tried = [windows[int(i)] for i in np.unique(steps)]
    rng = np.random.default_rng(0)
    passed = 0
    for window in tried:
        chip, label = scene.read(window)
        passed += options is None or bool(options.keep_chip(chip.pixels, label, rng))
    share = passed / len(tried) if tried else 0.0
    return WindowFacts(count, round(count * share), len(tried) == count, _largest(sampling))


def _largest(sampling: WindowSamplingConfig) -> tuple[int, int]:
    heights, widths = sampling.h_lims, sampling.w_lims
    if sampling.size_lims is not None:
        heights = widths = sampling.size_lims
    if heights is not None and widths is not None:  # of random windows; the limits are exclusive
        return heights[1] - 1, widths[1] - 1
    height, width = ensure_tuple(sampling.size)
    return height, width


def prediction_facts(pipeline: 'RVPipeline', scene: Scene) -> PredictionFacts | None:
    """Return what PREDICT takes for a scene, by its plan; None if it is predicted as a whole.

    Raises:
        RVError: The scene cannot be predicted so.
    """
    plan = pipeline.scene_plan(scene)
    if plan is None:
        return None
    rows = 0
    if isinstance(plan, WindowPlan):
        num_windows = len(plan.windows)
    else:
        num_windows = sum(len(run.windows) for run in plan.runs(plan.parts))
        options = pipeline.predict_options()
        width = max(part.box.width for part in plan.parts)
        height = options.chip_sz + (options.stride or options.chip_sz)
        num_classes = len(pipeline.config.dataset.class_config)
        rows = width * height * num_classes * FLOAT_BYTES
    return PredictionFacts(num_windows, rows, _raster_bytes(pipeline, scene))


def _raster_bytes(pipeline: 'RVPipeline', scene: Scene) -> int:
    """Size of the rasters of the predictions before they are compressed; vectors are not known."""
    store = scene.label_store
    if not isinstance(store, SemanticSegmentationLabelStore):
        return 0
    num_classes = len(pipeline.config.dataset.class_config)
    score_bytes = np.dtype(store.smooth_dtype).itemsize if store.smooth_output else 0
    return scene.extent.area * ((3 if store.save_as_rgb else 1) + score_bytes * num_classes)
