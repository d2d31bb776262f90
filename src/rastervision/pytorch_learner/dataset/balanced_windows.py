"""Random windows whose classes can be balanced."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.sampling.class_windows import ClassWindowSampler
from rastervision.pytorch_learner.dataset.geo_dataset import RandomWindowGeoDataset
from rastervision.pytorch_learner.dataset.randomness import torch_rng


class BalancedWindowGeoDataset(RandomWindowGeoDataset):
    """Random windows that are drawn anywhere, or of classes that are drawn first."""

    _class_windows: ClassWindowSampler | None = None
    _drawn: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def make_class_windows(self) -> ClassWindowSampler:
        """Find out where the classes of the scene lie; for subclasses."""
        raise NotImplementedError(f'{type(self).__name__} does not say where its classes lie.')

    @property
    def class_windows(self) -> ClassWindowSampler:
        """What draws windows of a class; made when it is first asked for."""
        if self._class_windows is None:
            self._class_windows = self.make_class_windows()
        return self._class_windows

    def balance_classes(self, weights: Mapping[int, float] | None = None) -> NDArray[np.int64]:
        """From now on, draw a class first, and then a window of it.

        Args:
            weights: How often to draw classes that the scene has; they need not add up to 1. By
                default, all equally often.

        Returns:
            The classes that are drawn; if there are none, windows are drawn anywhere.
        """
        weights = dict.fromkeys(self.class_windows.shares, 1.0) if weights is None else weights
        class_ids = np.array(sorted(weights), dtype=np.int64)
        values = np.array([weights[int(class_id)] for class_id in class_ids])
        self._drawn = (class_ids, values / values.sum()) if len(class_ids) else None
        return class_ids

    def sample_window(self) -> Box:
        """Draw a window; of a class that is drawn first, if classes are balanced."""
        if self._drawn is None:
            return super().sample_window()
        rng = torch_rng()
        class_ids, probabilities = self._drawn
        return self.class_windows.sample(int(rng.choice(class_ids, p=probabilities)), rng)
