"""Evaluator: the base of what scores predictions (C+E)."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.scene import Scene
from rastervision.core.shared_work import SharedWork
from rastervision.core.utils.overrides import overridden_since
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

SceneGroup: TypeAlias = str | tuple[str, Iterable[str]]
"""Name of a scene group, maybe with the ids of its scenes."""


class Evaluator(SharedWork):
    """Scores the predictions for scenes against their ground truth."""

    @abstractmethod
    def process(self, scenes: Iterable[Scene], tmp_dir: str | None = None) -> None:
        """Score all scenes and write the result."""

    @abstractmethod
    def evaluate_scene(self, scene: Scene) -> Any:
        """Scores of one scene."""

    @abstractmethod
    def evaluate_predictions(self, ground_truth: Any, predictions: Any) -> Any:
        """Scores of labels."""

    def is_shareable(self) -> bool:
        """Say whether ``process_units`` is there, and does what the methods above do."""
        whole = ('process', 'evaluate_scene', 'evaluate_predictions')
        return not overridden_since(self, 'process_units', *whole)

    def work_units(self, scene: Scene) -> Sequence[int]:
        """Return the size of the scene: it is a single unit."""
        return [scene.extent.area]


@register_config('evaluator')
class EvaluatorConfig(Config):
    """How predictions are scored."""

    output_uri: str | None = Field(
        None,
        description='Folder for the scores; every scene group has a folder in it. When absent, '
        "the pipeline's eval_uri.",
    )

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        if self.output_uri is None and pipeline is not None:
            self.output_uri = pipeline.eval_uri

    def get_output_uri(self, scene_group: SceneGroup | None = None) -> str:
        """URI of the file of scores of a scene group.

        Raises:
            ConfigError: output_uri is not set.
        """
        if self.output_uri is None:
            raise ConfigError(
                'output_uri of the evaluator is not set: give the folder for the scores.'
            )
        if scene_group is None:
            return f'{self.output_uri}/eval.json'
        name = scene_group if isinstance(scene_group, str) else scene_group[0]
        return f'{self.output_uri}/{name}/eval.json'

    def build(self, class_config: ClassConfig, scene_group: SceneGroup | None = None) -> Evaluator:
        """Build the evaluator of a scene group."""
        raise NotImplementedError(f'{type(self).__name__} has no build().')
