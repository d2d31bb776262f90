"""RegressionLearner: some numbers for every image."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rastervision.core.utils.quiet import quiet
from rastervision.pytorch_learner.data_config import Split
from rastervision.pytorch_learner.dataset.subset import parts_of
from rastervision.pytorch_learner.models.loss import MaskedL1
from rastervision.pytorch_learner.regression_learner_config import (
    RegressionLearnerConfig,
    RegressionPlotOptions,
)
from rastervision.pytorch_learner.tasks.regression import RegressionTask
from rastervision.pytorch_learner.whole_image_learner import WholeImageLearner

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.visualizer.regression_visualizer import (
        RegressionVisualizer,
    )


class RegressionLearner(WholeImageLearner):
    """Trains and uses models that give numbers for an image.

    Models take (N, C, H, W) float32 and give values (N, K). The names of the classes are those of
    the targets. True values may be NaN, which stands for unknown.
    """

    config_class = RegressionLearnerConfig

    task: RegressionTask

    def make_task(self) -> RegressionTask:
        """Loss, metrics and meaning of values; errors are scaled by medians of training data."""
        task = RegressionTask(self.cfg.data.class_names, self.loss)
        if self.train_ds is not None:
            task.scale = _medians(self.train_ds)
        return task

    def get_visualizer_class(self) -> 'type[RegressionVisualizer]':
        """What draws images with their values."""
        from rastervision.pytorch_learner.dataset.visualizer import (
            regression_visualizer as pictures,
        )

        return pictures.RegressionVisualizer

    def model_args(self) -> dict[str, Any]:
        """Which targets are above 0, and which are in [0, 1]."""
        names, data = self.cfg.data.class_names, self.cfg.data
        return {
            f'{kind}_out_inds': [names.index(n) for n in getattr(data, f'{kind}_class_names', ())]
            for kind in ('pos', 'prob')
        }

    def build_loss(self, loss_def_path: str | None = None) -> Callable[..., Tensor]:
        """Make the loss that the config describes: by default, the mean absolute error.

        It counts in units of `output_multiplier`; `class_loss_weights` weigh the targets.
        """
        if self.solver.external_loss_def is not None:
            return super().build_loss(loss_def_path)
        count = self.cfg.data.num_classes
        weights = self.solver.class_weights(count) or [1.0] * count
        units = getattr(self.cfg.model, 'output_multiplier', None) or [1.0] * count
        return MaskedL1([w / abs(unit) for w, unit in zip(weights, units, strict=True)])

    def plot_predictions(
        self, split: Split, batch_limit: int | None = None, show: bool = False
    ) -> None:
        """Draw the predictions for the first batch of a split, and the errors of all."""
        super().plot_predictions(split, batch_limit, show)
        options = self.cfg.data.plot_options
        if not isinstance(options, RegressionPlotOptions):
            return
        pairs = self.predict_dataloader(self.get_dataloader(split), return_format='yz')
        y, z = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        path = Path(self.folder.predictions_plot(split)).with_name(f'{split}_errors.png')
        visualizer: Any = self.visualizer
        visualizer.plot_errors(str(path), y, z, options.max_scatter_points, options.hist_bins)


def _medians(dataset: Dataset[Any]) -> NDArray[np.float64]:
    """(K,) medians of the absolute values of the targets; 1 where that is 0 or unknown."""
    values = np.abs(np.concatenate([_targets(part) for part in parts_of(dataset)]))
    with quiet(RuntimeWarning):  # of targets that are all unknown
        medians = np.nanmedian(values.astype(np.float64), axis=0)
    return np.where(medians > 0, medians, 1.0)


def _targets(dataset: Any) -> NDArray[np.float32]:
    if hasattr(dataset, 'targets'):
        values: NDArray[np.float32] = dataset.targets()
        return values
    return np.stack([np.asarray(dataset[i][1]) for i in range(len(dataset))])
