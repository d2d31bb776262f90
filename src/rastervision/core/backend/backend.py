"""Backend: what a pipeline asks of a deep learning library."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from rastervision.core.backend.chip_store import ChipStore, SampleWriter
from rastervision.core.utils.overrides import overridden_since, overrides

if TYPE_CHECKING:
    from rastervision.core.box import Box
    from rastervision.core.data import DatasetConfig, Labels, Scene
    from rastervision.core.rv_pipeline import ChipOptions, PredictOptions


class Backend(ABC):
    """Trains models and predicts with them, on behalf of a pipeline.

    A subclass has to train, load and predict. It may take over writing chips
    (``chip_dataset``) and predict as a stream (``predict_windows``); where it does not, the
    pipeline goes through ``get_sample_writer`` and ``predict_scene``.
    """

    @abstractmethod
    def get_sample_writer(self) -> SampleWriter:
        """Return a writer for chips, which CHIP fills and TRAIN reads."""

    @abstractmethod
    def train(self, source_bundle_uri: str | None = None) -> None:
        """Train a model and write it to the pipeline's ``train_uri``.

        Args:
            source_bundle_uri: Model bundle whose weights training starts from.
        """

    def forget_training(self) -> None:  # noqa: B027 - nothing is left by default
        """Remove what an interrupted or finished training has left to go on from."""

    @abstractmethod
    def load_model(self, uri: str | None = None, *, trust_code: bool = False) -> None:
        """Make a trained model ready for prediction.

        Args:
            uri: Model bundle of the learner; the bundle that TRAIN wrote when None.
            trust_code: Run code that the bundle carries; the pipeline passes it only when true.
        """

    @abstractmethod
    def predict_scene(self, scene: 'Scene', predict_options: 'PredictOptions') -> 'Labels':
        """Return the predictions for a whole scene."""

    def predict_windows(
        self,
        scene: 'Scene',
        windows: 'Sequence[Box]',
        predict_options: 'PredictOptions',
    ) -> Generator[Any, None, None]:
        """Yield what the model says about one window after the other.

        Args:
            scene: The scene; only its image is used.
            windows: Windows in the extent frame.
            predict_options: Size of the windows. They go to the model in batches of ``batch_sz``,
                counted from the first one given.

        Yields:
            One result per window, in order, as they are computed: for semantic segmentation a
            ``ScoreTile``, uncropped; the pipeline joins them.

        Raises:
            NotImplementedError: This backend has no such stream.
        """
        raise NotImplementedError(type(self).__name__)

    def has_stream(self) -> bool:
        """Say whether it predicts window by window, and no subclass predicts in its own way."""
        return overrides(self, Backend, 'predict_windows') and not overridden_since(
            self, 'predict_windows', 'predict_scene'
        )

    def model_digest(self, uri: str | None = None) -> str | None:  # noqa: ARG002 - part of the interface
        """Return a digest of a model, loaded or not: of all that decides its output.

        What was predicted with a model of the same digest need not be predicted again. None (the
        default) says that nobody knows, so everything is.

        Args:
            uri: Model bundle of the learner; the bundle that TRAIN wrote when None.
        """
        return None

    def chip_store(self) -> ChipStore | None:
        """Return what keeps the chips of each scene on their own, so that workers can share them.

        None (the default) says that the chips of all scenes go through ``get_sample_writer``.
        """
        return None

    def chip_dataset(self, dataset: 'DatasetConfig', chip_options: 'ChipOptions') -> None:
        """Write the training chips of all train and validation scenes of a dataset.

        Raises:
            NotImplementedError: This backend leaves chipping to the pipeline.
        """
        raise NotImplementedError(type(self).__name__)
