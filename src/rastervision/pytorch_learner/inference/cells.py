"""From windows of a scene to one row of numbers for each: class scores, or values."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from rastervision.core.box import Box
from rastervision.core.prediction.window_results import WindowScores
from rastervision.pytorch_learner.inference.predict import predict_batches

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import PredictOptions
    from rastervision.pytorch_learner.learner import Learner


def predict_windows(
    learner: 'Learner',
    scene: 'Scene',
    windows: Sequence[Box],
    options: 'PredictOptions',
) -> Generator[WindowScores, None, None]:
    """Predict windows of a scene.

    Args:
        learner: Has the model, and the transform that images pass through before it.
        scene: Only its raster source is used.
        windows: Windows of `options.chip_sz`, in the extent frame.
        options: Batch size, precision and engine.

    Yields:
        What the model says about one window after the other.

    Raises:
        DataError: The image has another number of channels than the model takes.
        ConfigError: The model cannot run as the options say.
    """

    def predict(x: Tensor) -> Tensor:
        return learner.predict(x, raw_out=True)

    for batch in predict_batches(learner, scene, windows, options, predict):
        values = batch.output.float().numpy()
        for window, scores, valid in zip(batch.windows, values, batch.valid, strict=True):
            yield WindowScores(window, scores, bool(valid.any()))
