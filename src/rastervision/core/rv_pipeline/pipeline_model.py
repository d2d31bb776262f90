"""The model that a pipeline predicts with: known by its digest before it is loaded."""

from typing import TYPE_CHECKING

from rastervision.core.backend import Backend
from rastervision.core.utils.overrides import overridden_since, overrides
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class PipelineWithModel(Pipeline):
    """A pipeline with a backend, whose model is loaded when something is predicted.

    Attributes:
        backend: The backend, once its model is loaded.
        model_uri: The model bundle to predict with; the one that TRAIN wrote when None.
        trust_code: Whether code that the bundle carries may be run.
    """

    config: 'RVPipelineConfig'

    def __init__(self, config: 'RVPipelineConfig', tmp_dir: str) -> None:
        super().__init__(config, tmp_dir)
        self.backend: Backend | None = None
        self.model_uri: str | None = None
        self.trust_code = False
        self._unloaded: Backend | None = None
        self._digest: str | None = None

    def build_backend(self, uri: str | None = None, *, trust_code: bool = False) -> None:
        """Make the backend with its model ready.

        Args:
            uri: Model bundle of the learner; the one that TRAIN wrote when None.
            trust_code: Run code that the bundle carries.
        """
        self.use_model(uri, trust_code=trust_code)
        backend = self.any_backend()
        if trust_code:
            backend.load_model(uri, trust_code=True)
        else:
            backend.load_model(uri)
        self.backend = backend

    def use_model(self, uri: str | None = None, *, trust_code: bool = False) -> None:
        """Say which model to predict with, without loading it; arguments as for build_backend."""
        self.model_uri, self.trust_code = uri, trust_code
        self.backend = self._unloaded = self._digest = None

    def model_digest(self) -> str | None:
        """Return the digest of the model to predict with, which need not be loaded.

        Raises:
            StageError: TRAIN has not written a model.
        """
        if self._digest is None:
            backend = self.any_backend()
            own = overridden_since(backend, 'model_digest', 'load_model')
            if not own and not overrides(self, PipelineWithModel, 'build_backend'):
                self._digest = backend.model_digest(self.model_uri)
        return self._digest

    def any_backend(self) -> Backend:
        """Return the backend, with its model loaded or not."""
        if self.backend is not None:
            return self.backend
        if self._unloaded is None:
            self._unloaded = self.config.backend.build(self.config, self.tmp_dir)
        return self._unloaded

    def ready_backend(self) -> Backend:
        """Return the backend with its model loaded, loading it at the first call.

        Raises:
            StageError: The model is another one than that whose digest was told before.
        """
        if self.backend is None:
            before = self._digest
            if self.model_uri is None:
                self.build_backend()
            else:
                self.build_backend(self.model_uri, trust_code=self.trust_code)
            if before is not None and before != self.model_digest():
                raise StageError('The model was replaced while it was loaded; run this again.')
        if self.backend is None:
            raise StageError(f'{type(self).__name__}.build_backend() has not made a backend.')
        return self.backend
