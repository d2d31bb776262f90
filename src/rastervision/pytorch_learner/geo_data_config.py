"""Training data read straight from scenes, window by window."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.dataset_config import DatasetConfig as SceneDatasetConfig
from rastervision.core.sampling import WindowSamplingConfig, WindowSamplingMethod
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.data_config import DataConfig, Split
from rastervision.pytorch_learner.upgraders import geo_data_config_upgrader

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from rastervision.core.data.scene import Scene, SceneConfig
    from rastervision.pytorch_learner.dataset.geo_dataset import (
        GeoDataset,
        RandomWindowGeoDataset,
        SlidingWindowGeoDataset,
    )
    from rastervision.pytorch_learner.dataset.transform import Transform
    from rastervision.pytorch_learner.learner_config import LearnerConfig


@register_config('geo_data', upgrader=geo_data_config_upgrader)
class GeoDataConfig(DataConfig):
    """Windows of scenes, read while training."""

    scene_dataset: SceneDatasetConfig | None = Field(
        None, description='The training, validation and test scenes.'
    )
    sampling: WindowSamplingConfig | dict[str, WindowSamplingConfig] = Field(
        {}, description='How to choose windows: one config for all scenes, or one by scene id.'
    )

    def update(self, learner: 'LearnerConfig | None' = None) -> None:
        """Take the classes of the scenes and fill in the defaults of the sampling."""
        if self.class_config is None and self.scene_dataset is not None:
            self.class_config = self.scene_dataset.class_config.copy()
        super().update(learner)

    def validate_config(self) -> None:
        super().validate_config()
        if self.scene_dataset is None:
            return
        if self.class_config is not None:
            ours, theirs = self.class_config.names, self.scene_dataset.class_config.names
            if ours[: len(theirs)] != theirs:
                raise ConfigError(
                    f'class_config has the names {ours} and scene_dataset.class_config {theirs}; '
                    'leave class_config out.'
                )
        if isinstance(self.sampling, dict):
            ids = {scene.id for split in _SCENES for scene in getattr(self.scene_dataset, split)}
            if missing := sorted(ids - set(self.sampling)):
                raise ConfigError(
                    f'sampling has no entry for the scenes {", ".join(missing)}; give one '
                    'WindowSamplingConfig for all scenes, or one for each scene id.'
                )

    def _classes(self) -> ClassConfig:
        if self.class_config is None and self.scene_dataset is not None:
            return self.scene_dataset.class_config
        return super()._classes()

    def sampling_for(self, scene_id: str) -> WindowSamplingConfig:
        """The window sampling of a scene.

        Raises:
            ConfigError: If `sampling` is given by scene and lacks this one.
        """
        if isinstance(self.sampling, WindowSamplingConfig):
            return self.sampling
        if scene_id not in self.sampling:
            raise ConfigError(
                f"sampling has no entry for scene '{scene_id}'; give one WindowSamplingConfig for "
                'all scenes, or one for each scene id.'
            )
        return self.sampling[scene_id]

    def window_datasets(
        self,
    ) -> 'tuple[type[SlidingWindowGeoDataset], type[RandomWindowGeoDataset]]':
        """The dataset classes of the task: sliding windows and random windows."""
        raise NotImplementedError(f'{type(self).__name__} does not say for which task it is.')

    def random_window_args(self, sampling: WindowSamplingConfig) -> dict[str, Any]:  # noqa: ARG002  for subclasses
        """What the random windows of the task take beyond those of all tasks."""
        return {}

    def build_scenes(
        self, scene_configs: 'list[SceneConfig]', tmp_dir: str | None = None
    ) -> 'list[Scene]':
        """Open scenes."""
        return [cfg.build(self._classes(), tmp_dir) for cfg in scene_configs]

    def scene_to_dataset(
        self,
        scene: 'Scene',
        transform: 'Transform | None' = None,
        for_chipping: bool = False,
    ) -> 'GeoDataset':
        """Make a dataset of windows of one scene.

        Args:
            scene: The scene.
            transform: Transform of images and labels.
            for_chipping: As for `build`.
        """
        sampling = self.sampling_for(scene.id)
        sliding, random = self.window_datasets()
        common: dict[str, Any] = {
            'transform': transform,
            'padding': sampling.padding,
            'within_aoi': sampling.within_aoi,
        }
        if for_chipping:
            common |= {'normalize': False, 'to_pytorch': False, 'return_window': True}
        if sampling.method == WindowSamplingMethod.sliding:
            return sliding(
                scene,
                size=sampling.size,
                stride=sampling.size if sampling.stride is None else sampling.stride,
                pad_direction=sampling.pad_direction,
                **common,
            )
        return random(
            scene,
            size_lims=sampling.size_lims,
            h_lims=sampling.h_lims,
            w_lims=sampling.w_lims,
            out_size=sampling.size if for_chipping else self.img_sz,
            max_windows=sampling.max_windows,
            max_sample_attempts=sampling.max_sample_attempts,
            efficient_aoi_sampling=sampling.efficient_aoi_sampling,
            **common,
            **self.random_window_args(sampling),
        )

    def build_dataset(
        self, split: Split, tmp_dir: str | None = None, for_chipping: bool = False
    ) -> 'Dataset[Any] | None':
        """Make the data of one split; see `build`.

        Raises:
            ConfigError: If scene_dataset is not set, or a training or validation scene has no
                labels.
            DataError: If a scene cannot be read or has no window.
        """
        from rastervision.core.rv_pipeline.config_checks import require_labels
        from rastervision.pytorch_learner.dataset.subset import concat

        if self.scene_dataset is None:
            raise ConfigError('scene_dataset is not set: give the scenes to train on.')
        scene_configs = getattr(self.scene_dataset, _SCENES_OF[split])
        if split != 'test':
            for scene_config in scene_configs:
                require_labels(scene_config, split)
        transform = None if for_chipping else self.transform_of(split)
        dataset = concat(
            self.scene_to_dataset(scene, transform, for_chipping)
            for scene in self.build_scenes(scene_configs, tmp_dir)
        )
        if dataset is None or split != 'train' or for_chipping:
            return dataset
        self.warn_about_labels(dataset)
        return self.limit_train_dataset(dataset)


_SCENES_OF = {'train': 'train_scenes', 'valid': 'validation_scenes', 'test': 'test_scenes'}
_SCENES = tuple(_SCENES_OF.values())
