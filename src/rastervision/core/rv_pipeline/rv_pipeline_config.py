"""RVPipelineConfig: what all pipelines over geospatial scenes are configured by."""

from typing import ClassVar

from pydantic import Field

from rastervision.core.analyzer import AnalyzerConfig, StatsAnalyzerConfig
from rastervision.core.backend import BackendConfig
from rastervision.core.data import (
    DatasetConfig,
    LabelStoreConfig,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.evaluation import EvaluatorConfig
from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.config_checks import (
    check_class_ids,
    check_names,
    check_outputs,
    check_tasks,
)
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.upgraders import rv_pipeline_config_upgrader
from rastervision.core.stac_mlm import Task
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.pipeline import PipelineConfig


def _stage(what: str) -> str:
    return f'Folder of {what}. If None, a folder below root_uri.'


@register_config('rv_pipeline', upgrader=rv_pipeline_config_upgrader)
class RVPipelineConfig(PipelineConfig):
    """A pipeline that analyzes, chips, trains, predicts, evaluates and bundles.

    Attributes:
        task: What the pipeline does, such as 'object_detection'. A backend, label source, label
            store or evaluator that is for another task is refused. None takes any.
    """

    task: ClassVar[str | None] = None

    dataset: DatasetConfig = Field(..., description='Scenes to train, validate and test on.')
    backend: BackendConfig = Field(..., description='What trains and predicts.')
    evaluators: list[EvaluatorConfig] = Field(
        [], description="What EVAL computes. If empty, the task's default evaluator."
    )
    analyzers: list[AnalyzerConfig] = Field(
        [],
        description='What ANALYZE computes. Statistics are added when a raster transformer needs '
        'them.',
    )
    analyze_uri: str | None = Field(None, description=_stage('the outputs of ANALYZE'))
    chip_uri: str | None = Field(None, description=_stage('the training chips of CHIP'))
    train_uri: str | None = Field(None, description=_stage('the model and logs of TRAIN'))
    predict_uri: str | None = Field(None, description=_stage('the predictions of PREDICT'))
    eval_uri: str | None = Field(None, description=_stage('the scores of EVAL'))
    bundle_uri: str | None = Field(None, description=_stage('the model bundle of BUNDLE'))
    source_bundle_uri: str | None = Field(
        None, description='Model bundle whose weights TRAIN starts from (fine-tuning).'
    )
    chip_options: ChipOptions | None = Field(None, description='Options of CHIP.')
    predict_options: PredictOptions | None = Field(None, description='Options of PREDICT.')

    def update(self) -> None:
        """Fill every default that depends on something else in the config."""
        super().update()
        for stage in layout.STAGES:
            if getattr(self, f'{stage}_uri') is None and self.root_uri is not None:
                setattr(self, f'{stage}_uri', layout.stage_uri(self.root_uri, stage))
        if self.predict_options is None:
            self.predict_options = self.get_default_predict_options()
        self.predict_options.update()
        self._add_stats_analyzer()
        self.dataset.update(pipeline=self)
        self.backend.update(pipeline=self)
        if not self.evaluators:
            self.evaluators = [self.get_default_evaluator()]
        for evaluator in self.evaluators:
            evaluator.update(pipeline=self)
        for analyzer in self.analyzers:
            analyzer.update(pipeline=self)

    def validate_config(self) -> None:
        """Raise ConfigError when parts of the config do not fit each other."""
        super().validate_config()
        check_tasks(self)
        check_names(self.dataset)
        check_outputs(self.dataset)
        for scene in self.dataset.all_scenes:
            check_class_ids(scene, self.dataset.class_config)
        if isinstance(self.chip_options, ChipOptions):
            for scene in self.dataset.train_scenes + self.dataset.validation_scenes:
                self.chip_options.sampling_for(scene.id)

    def build(self, tmp_dir: str) -> RVPipeline:
        """Build the pipeline."""
        return RVPipeline(self, tmp_dir)

    def get_default_label_store(self, scene: SceneConfig) -> LabelStoreConfig:
        """Return the label store of a scene that names none."""
        raise NotImplementedError(type(self).__name__)

    def get_default_evaluator(self) -> EvaluatorConfig:
        """Return the evaluator of a pipeline that names none."""
        raise NotImplementedError(type(self).__name__)

    def get_default_predict_options(self) -> PredictOptions:
        """Return the predict options of a pipeline that gives none."""
        return PredictOptions()

    def stage_uri(self, stage: str) -> str:
        """Return the folder that a command writes to.

        Raises:
            ConfigError: Neither this folder nor ``root_uri`` is set.
        """
        uri: str | None = getattr(self, f'{stage}_uri')
        if uri is None:
            raise ConfigError(
                f'{stage}_uri is not set; set root_uri to the folder that the pipeline writes to.'
            )
        return uri

    def scores_uris(self, scene_group: str) -> list[str]:
        """Return the files with the scores of a scene group, one for each folder of evaluators."""
        default = self.stage_uri('eval')
        folders = [evaluator.output_uri or default for evaluator in self.evaluators]
        return [layout.eval_uri(folder, scene_group) for folder in dict.fromkeys(folders)]

    def preview_uri(self, scene_group: str) -> str:
        """Return the picture of a scene group: it is beside the scores of the first evaluator."""
        folders = (evaluator.output_uri for evaluator in self.evaluators)
        return layout.preview_uri(next(folders, None) or self.stage_uri('eval'), scene_group)

    def stac_task(self) -> Task | None:
        """Name what the model does, as STAC MLM does."""
        return None

    def _add_stats_analyzer(self) -> None:
        if any(isinstance(a, StatsAnalyzerConfig) for a in self.analyzers):
            return
        transformers = (
            t
            for scene in self.dataset.all_scenes
            for t in find_configs(scene.raster_source, StatsTransformerConfig)
        )
        if any(t.stats_uri is None for t in transformers):
            self.analyzers = [*self.analyzers, StatsAnalyzerConfig()]
