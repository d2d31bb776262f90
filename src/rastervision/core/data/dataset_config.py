"""DatasetConfig: the scenes of a project, by what they are for."""

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_serializer, model_validator

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.scene import SceneConfig
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

_LISTS = ('train_scenes', 'validation_scenes', 'test_scenes')


def dataset_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 0:
        cfg_dict.pop('img_channels', None)
    return cfg_dict


@register_config('dataset', upgrader=dataset_config_upgrader)
class DatasetConfig(Config):
    """The classes, and the scenes for training, validation and testing."""

    class_config: ClassConfig = Field(..., description='The classes.')
    train_scenes: list[SceneConfig] = Field(..., description='Scenes to train on.')
    validation_scenes: list[SceneConfig] = Field(
        ..., description='Scenes to validate on while training, to predict and to score.'
    )
    test_scenes: list[SceneConfig] = Field(
        [],
        description=(
            'Further scenes to predict, and to score where they have labels. A scene of the other '
            'lists may be here as well, as it is there; it is predicted once.'
        ),
    )
    scene_groups: dict[str, set[str]] = Field(
        {},
        description=(
            'Names for groups of scenes, as sets of scene ids; statistics and scores are made '
            'per group. The groups train_scenes, validation_scenes and test_scenes are added.'
        ),
    )

    @model_validator(mode='after')
    def _check(self) -> Self:
        self._check_ids()
        return self

    def validate_config(self) -> None:
        """Check ids again: fields see no change within a list or a scene."""
        super().validate_config()
        try:
            self._check_ids()
        except ValueError as e:
            raise ConfigError(f'{type(self).__name__}: {e}') from None

    def _check_ids(self) -> None:
        seen: dict[str, tuple[str, SceneConfig]] = {}
        for name in _LISTS:
            for scene in getattr(self, name):
                other_list, other = seen.setdefault(scene.id, (name, scene))
                if other is scene:
                    continue
                # to validate on a training image, or to test on any scene, is no mistake
                if name == 'validation_scenes' and other_list == 'train_scenes':
                    seen[scene.id] = (name, scene)
                    continue
                if name == 'test_scenes' and other_list != name and other == scene:
                    continue
                where = name if name == other_list else f'{other_list} and {name}'
                raise ValueError(f'there are two scenes with the id {scene.id!r} in {where}.')
        for group, ids in self.scene_groups.items():
            unknown = sorted(ids - seen.keys())
            if unknown:
                raise ValueError(
                    f'scene_groups[{group!r}] names {", ".join(unknown)}, but there is no such '
                    'scene.'
                )

    @field_serializer('scene_groups')
    def _sorted_groups(self, scene_groups: dict[str, set[str]]) -> dict[str, list[str]]:
        return {group: sorted(ids) for group, ids in scene_groups.items()}

    @property
    def all_scenes(self) -> list[SceneConfig]:
        """Scenes of all three lists."""
        return [*self.train_scenes, *self.validation_scenes, *self.test_scenes]

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        """Add the default scene groups, and update the scenes."""
        defaults: dict[str, Any] = {
            name: {scene.id for scene in getattr(self, name)} for name in _LISTS
        }
        self.scene_groups = {**defaults, **self.scene_groups}
        for scene in self.all_scenes:
            scene.update(pipeline=pipeline)
