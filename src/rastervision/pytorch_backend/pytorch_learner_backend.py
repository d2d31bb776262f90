"""The backend that trains and predicts with PyTorch, whatever the task (C+E)."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from rastervision.core.backend import Backend, BackendConfig, ModelSize, TrainingFacts
from rastervision.core.bundle import bundle_digest
from rastervision.core.data import (
    DatasetConfig,
    Labels,
    RGBClassTransformerConfig,
    Scene,
)
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline import ChipOptions, PredictOptions, RVPipelineConfig
from rastervision.core.rv_pipeline.chipping import scene_samples, write_samples
from rastervision.core.rv_pipeline.scenes import Split, chipped_scenes, for_training
from rastervision.core.sampling import WindowSamplingConfig
from rastervision.core.stac_mlm import ModelFacts
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.file_system import file_exists
from rastervision.pipeline.file_system.utils import remove
from rastervision.pytorch_backend.chip_store import ZipChipStore
from rastervision.pytorch_backend.sample_writer import PyTorchLearnerSampleWriter
from rastervision.pytorch_backend.trial import check_float16, model_size
from rastervision.pytorch_backend.upgraders import pytorch_learner_backend_config_upgrader
from rastervision.pytorch_learner.data_config import DataConfig
from rastervision.pytorch_learner.geo_data_config import GeoDataConfig
from rastervision.pytorch_learner.image_data_config import ImageDataConfig
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.solver_config import SolverConfig

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner import Learner

LearnerConfigType = TypeVar('LearnerConfigType', bound=LearnerConfig)


class PyTorchLearnerBackend(Backend):
    """Trains and predicts with a Learner.

    Attributes:
        pipeline_cfg: The pipeline.
        learner_cfg: What the Learner is made from.
        tmp_dir: Local folder for temporary files.
        learner: The Learner with the loaded model, None before ``load_model``.
    """

    def __init__(
        self, pipeline_cfg: RVPipelineConfig, learner_cfg: LearnerConfig, tmp_dir: str
    ) -> None:
        self.pipeline_cfg = pipeline_cfg
        self.learner_cfg = learner_cfg
        self.tmp_dir = tmp_dir
        self.learner: Learner | None = None

    def train(self, source_bundle_uri: str | None = None) -> None:
        """Train and write the model to ``train_uri``.

        Args:
            source_bundle_uri: Bundle whose weights training starts from; the network itself is
                that of this config.
        """
        if source_bundle_uri is None:
            learner = self.learner_cfg.build(self.tmp_dir, training=True)
        else:
            from rastervision.pytorch_learner.learner import Learner

            learner = Learner.from_model_bundle(
                source_bundle_uri, self.tmp_dir, cfg=self.learner_cfg, training=True
            )
        learner.main()

    def forget_training(self) -> None:
        """Remove the checkpoints in ``train_uri``."""
        folder = self.learner_cfg.output_uri
        if folder is not None:
            remove(f'{folder.rstrip("/")}/checkpoints')

    def load_model(self, uri: str | None = None, *, trust_code: bool = False) -> None:
        """Load a model for prediction.

        Args:
            uri: A learner's bundle. None for the bundle that TRAIN wrote; that one is trusted.
            trust_code: Run code that the bundle carries.

        Raises:
            StageError: TRAIN has not written a bundle.
            DataError: The file is not a learner's bundle, or carries code and is not trusted.
        """
        from rastervision.pytorch_learner.learner import Learner

        self.learner = Learner.from_model_bundle(
            self._model_bundle_uri(uri),
            self.tmp_dir,
            training=False,
            trust_code=trust_code or uri is None,
        )

    def _model_bundle_uri(self, uri: str | None) -> str:
        if uri is not None:
            return uri
        uri = self.learner_cfg.get_model_bundle_uri()
        if not file_exists(uri):
            raise StageError(f'There is no model at {uri}: run the train command first.')
        return uri

    def ready_learner(self) -> 'Learner':
        """Return the learner, loading the model that TRAIN wrote at the first call."""
        if self.learner is None:
            self.load_model()
        if self.learner is None:
            raise StageError('load_model() has not made a learner.')
        return self.learner

    def model_digest(self, uri: str | None = None) -> str | None:
        """Return the digest of a learner's bundle."""
        return bundle_digest(self._model_bundle_uri(uri))

    def predict_scene(self, scene: Scene, predict_options: PredictOptions) -> Labels:
        """Return the predictions for a whole scene."""
        raise NotImplementedError(type(self).__name__)

    # --- chips

    def sample_writer(self, output_uri: str) -> PyTorchLearnerSampleWriter:
        """Return the task's writer for one zip file, or for a file in a folder."""
        return PyTorchLearnerSampleWriter(
            output_uri, self.pipeline_cfg.dataset.class_config, self.tmp_dir
        )

    def get_sample_writer(self) -> PyTorchLearnerSampleWriter:
        """Return a writer for chips of any scenes."""
        return self.sample_writer(self.pipeline_cfg.stage_uri('chip'))

    def chip_store(self) -> ZipChipStore:
        """Return the zip files of the scenes."""
        return ZipChipStore(self.pipeline_cfg.stage_uri('chip'), self.sample_writer, self.tmp_dir)

    def chip_dataset(
        self,
        dataset: DatasetConfig,
        chip_options: ChipOptions,
        dataloader_kw: dict[str, Any] | None = None,  # noqa: ARG002 - argument of 0.31
    ) -> None:
        """Write a zip file with the chips of each train and validation scene.

        Chips of an earlier run whose scenes are no longer in the pipeline are removed, since
        TRAIN would read them.
        """
        store = self.chip_store()
        for split, scene_cfg in chipped_scenes(dataset):
            scene = scene_cfg.build(self.pipeline_cfg.dataset.class_config, self.tmp_dir)
            samples = scene_samples(scene, split, chip_options)
            with store.scene_writer((split, scene.id)) as writer:
                write_samples(samples, writer, f'{split} chips of {scene.id}')
        store.keep_only([(split, s.id) for split, s in chipped_scenes(self.pipeline_cfg.dataset)])

    def chip_pytorch_dataset(
        self,
        dataset: Any,
        sample_writer: PyTorchLearnerSampleWriter,
        chip_options: ChipOptions,
        split: Split | None = None,
        dataloader_kw: dict[str, Any] | None = None,  # noqa: ARG002 - argument of 0.31
    ) -> None:
        """Write the items of a dataset that pass the filters.

        Args:
            dataset: Items are ((chip (H, W, C), label), window).
            sample_writer: An open writer.
            chip_options: The filters.
            split: What the chips are for.
            dataloader_kw: Not used: chips are read in this process.
        """
        scene = getattr(dataset, 'scene', None)
        items = (dataset[i] for i in range(len(dataset)))
        samples = (
            DataSample(chip, label, split, getattr(scene, 'id', None), window)
            for (chip, label), window in items
            if chip_options.keep_chip(chip, label)
        )
        write_samples(samples, sample_writer, f'{split or "all"} chips')


@register_config('pytorch_learner_backend', upgrader=pytorch_learner_backend_config_upgrader)
class PyTorchLearnerBackendConfig(BackendConfig):
    """Train and predict with PyTorch."""

    model: ModelConfig = Field(..., description='The network.')
    solver: SolverConfig = Field(..., description='How to train.')
    data: DataConfig = Field(
        ...,
        description='Training data: an ImageDataConfig reads the chips that CHIP wrote, a '
        'GeoDataConfig reads the scenes themselves.',
    )
    log_tensorboard: bool = Field(True, description='Write logs for TensorBoard.')
    run_tensorboard: bool = Field(False, description='Run TensorBoard while training.')
    save_all_checkpoints: bool = Field(
        False, description='Keep the checkpoint of every epoch, not the last one only.'
    )

    def update(self, pipeline: RVPipelineConfig | None = None) -> None:
        """Fill the training data with the chips, scenes and classes of the pipeline."""
        data = self.data
        if pipeline is None:
            return
        if isinstance(data, ImageDataConfig) and data.uri is None and data.group_uris is None:
            data.uri = pipeline.chip_uri
        if isinstance(data, GeoDataConfig):
            if data.scene_dataset is None:
                data.scene_dataset = pipeline.dataset
            elif data.scene_dataset is not pipeline.dataset:
                data.scene_dataset.update(pipeline=pipeline)
            if data.sampling == {} and pipeline.chip_options is not None:
                data.sampling = pipeline.chip_options.sampling
        if data.class_config is None:
            data.class_config = pipeline.dataset.class_config.copy()
        if data.img_channels is None:
            data.img_channels = _img_channels(pipeline)
        data.update()

    def needs_chips(self, pipeline: RVPipelineConfig) -> bool:
        """Say whether TRAIN reads what CHIP writes: not when it reads scenes or other chips."""
        if isinstance(self.data, GeoDataConfig):
            return False
        own_chips = isinstance(self.data, ImageDataConfig) and self.data.uri != pipeline.chip_uri
        return pipeline.chip_options is not None or not own_chips

    def training_dataset(self, pipeline: RVPipelineConfig) -> DatasetConfig | None:
        """Return the scenes that TRAIN reads: those of a GeoDataConfig."""
        if not isinstance(self.data, GeoDataConfig):
            return None
        return self.data.scene_dataset or pipeline.dataset

    def training_config(self, pipeline: RVPipelineConfig) -> 'PyTorchLearnerBackendConfig':  # noqa: ARG002 - interface
        """Return this config, without what the model does not depend on."""
        return for_training(self)

    def check_model(self, pipeline: RVPipelineConfig) -> None:
        """Raise ConfigError if no library has the network, or it does not fit the classes."""
        self.get_learner_config(pipeline).validate_config()
        self.model.check_names()
        check_float16(self.solver.precision, 'solver.precision')

    def training_sampling(
        self,
        pipeline: RVPipelineConfig,  # noqa: ARG002 - interface
        scene_id: str,
    ) -> WindowSamplingConfig | None:
        """Return the windows of a scene that a GeoDataConfig asks for."""
        return self.data.sampling_for(scene_id) if isinstance(self.data, GeoDataConfig) else None

    def training_facts(self, pipeline: RVPipelineConfig) -> TrainingFacts:  # noqa: ARG002 - interface
        """Return the sizes of images and batches."""
        return TrainingFacts(
            self.data.img_sz, self.solver.batch_sz, self.solver.num_epochs, self.data.num_workers
        )

    def try_model(
        self, pipeline: RVPipelineConfig, channels: int, tmp_dir: str
    ) -> ModelSize | None:
        """Make the network, and load the weights that the config names.

        Code of an ``external_def``, which may have to be fetched, is not run.
        """
        if self.model.external_def is not None:
            return super().try_model(pipeline, channels, tmp_dir)
        cfg = self.get_learner_config(pipeline)
        bundle = pipeline.source_bundle_uri
        return model_size(cfg, channels, self.solver.batch_sz, tmp_dir, bundle)

    def check_prediction(self, options: PredictOptions) -> None:
        """Raise ConfigError if predictions are wanted in float16 and there is no GPU."""
        check_float16(options.precision, 'predict_options.precision')

    def get_learner_config(self, pipeline: RVPipelineConfig) -> LearnerConfig:
        """Return the config of the learner that does the work."""
        raise NotImplementedError(type(self).__name__)

    def fill_learner_config(
        self, config_class: type[LearnerConfigType], pipeline: RVPipelineConfig
    ) -> LearnerConfigType:
        """Return a learner config of a task, filled with what this config says."""
        learner = config_class(
            model=self.model.copy(),
            solver=self.solver.copy(),
            data=self.data.copy(),
            output_uri=pipeline.train_uri,
            log_tensorboard=self.log_tensorboard,
            run_tensorboard=self.run_tensorboard,
            save_all_checkpoints=self.save_all_checkpoints,
        )
        learner.update()
        return learner

    def build(self, pipeline: RVPipelineConfig, tmp_dir: str) -> PyTorchLearnerBackend:
        """Build the backend."""
        return PyTorchLearnerBackend(pipeline, self.get_learner_config(pipeline), tmp_dir)

    def model_facts(self, pipeline: RVPipelineConfig) -> ModelFacts:  # noqa: ARG002 - interface
        """Describe the network."""
        shape = None
        if self.data.img_channels is not None:
            shape = (self.data.img_channels, self.data.img_sz, self.data.img_sz)
        return ModelFacts(
            architecture=self.architecture_name(),
            framework='PyTorch',
            framework_version=version('torch'),
            pretrained=self.model.pretrained and self.model.external_def is None,
            input_shape=shape,
            artifact_type='safetensors.torch.save_file',
        )

    def architecture_name(self) -> str:
        """Name the network for people."""
        if self.model.external_def is not None:
            return self.model.external_def.entrypoint
        return self.model.get_backbone_str()


def _img_channels(pipeline: RVPipelineConfig) -> int | None:
    """Return the number of channels of the training images where the config alone says it."""
    for scene in pipeline.dataset.train_scenes:
        source = scene.raster_source
        if source.channel_order is None or any(
            isinstance(t, RGBClassTransformerConfig) for t in source.transformers
        ):
            return None
        return len(source.channel_order)
    return None
