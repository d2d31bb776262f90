"""Predicting with a model bundle: images with Predictor, scenes with ScenePredictor."""

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rastervision.core.analyzer import StatsAnalyzerConfig
from rastervision.core.bundle import (
    MODEL_BUNDLE,
    PIPELINE_CONFIG,
    extract_bundle,
    require_trust,
)
from rastervision.core.data import (
    RasterSourceConfig,
    Scene,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.rv_pipeline import PredictOptions, RVPipeline, RVPipelineConfig, layout
from rastervision.core.rv_pipeline.scenes import analyzer_scene
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, DataError, RVError
from rastervision.pipeline.file_system import file_exists


class _BundledPipeline:
    """The pipeline of a bundle, with its model loaded and its statistics at hand."""

    def __init__(
        self,
        bundle_uri: str,
        tmp_dir: str,
        *,
        trust_code: bool,
        predict_options: PredictOptions | None = None,
    ) -> None:
        require_trust(bundle_uri, trust_code)
        Path(tmp_dir).mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(dir=tmp_dir, prefix='bundle-'))
        extract_bundle(bundle_uri, self.folder, required=(PIPELINE_CONFIG, MODEL_BUNDLE))
        self.config = self._read_config(bundle_uri)
        if predict_options is not None:
            self.config.predict_options = predict_options
        self.config.analyze_uri = str(self.folder / 'analyze')
        self.tmp_dir = tmp_dir
        self.pipeline: RVPipeline = self.config.build(tmp_dir)
        self.pipeline.build_backend(str(self.folder / MODEL_BUNDLE), trust_code=trust_code)

    def _read_config(self, bundle_uri: str) -> RVPipelineConfig:
        try:
            return RVPipelineConfig.from_file(str(self.folder / PIPELINE_CONFIG))
        except RVError as e:
            raise DataError(
                f'{PIPELINE_CONFIG} in model bundle {bundle_uri} cannot be used: {e}'
            ) from e

    def stats_uri(self, scene_group: str) -> str:
        """Return the statistics of a scene group in the bundle.

        Raises:
            DataError: The bundle has no statistics of that name.
        """
        uri = layout.stats_uri(str(self.folder / 'analyze'), scene_group)
        if file_exists(uri):
            return uri
        oldest = self.folder / 'stats.json'  # bundles of releases before scene groups
        if oldest.is_file():
            return str(oldest)
        stats = Path(layout.stats_root(str(self.folder / 'analyze')))
        groups = sorted(p.name for p in stats.iterdir()) if stats.is_dir() else []
        raise DataError(
            f'The model bundle has no statistics of a scene group {scene_group!r}; '
            f'it has {", ".join(groups) or "none"}. Give another one as scene_group '
            '(--scene-group), or compute them from the image with update_stats '
            '(--update-stats).'
        )

    def predict(self, scene: Scene) -> None:
        """Predict a scene and write the result to its label store."""
        self.pipeline.predict_to_store(scene)


class Predictor:
    """Predicts images with the model of a bundle."""

    def __init__(
        self,
        model_bundle_uri: str,
        tmp_dir: str,
        update_stats: bool = False,
        channel_order: Sequence[int] | None = None,
        scene_group: str | None = None,
        trust_code: bool = False,
    ) -> None:
        """Open a bundle and load its model.

        Args:
            model_bundle_uri: A bundle that the BUNDLE command wrote.
            tmp_dir: Local folder for temporary files, kept as long as this object is used.
            update_stats: Compute the statistics that the bundle's transformers need from the
                images, instead of using those of the training data.
            channel_order: Bands of the images that become the model's channels; those of the
                bundle when None.
            scene_group: Use the statistics of this scene group; that of the bundle's config
                when None.
            trust_code: Run code that the bundle carries.

        Raises:
            NotReadableError: There is no such bundle.
            DataError: It is not a bundle, is damaged, or carries code and is not trusted.
        """
        self.update_stats = update_stats
        self.channel_order = None if channel_order is None else list(channel_order)
        self.scene_group = scene_group
        self.bundle = _BundledPipeline(model_bundle_uri, tmp_dir, trust_code=trust_code)
        self.config = self.bundle.config
        self.tmp_dir = tmp_dir

    def predict(self, image_uris: list[str] | str, label_uri: str) -> None:
        """Predict one image and write the result.

        Args:
            image_uris: The files that make up the image.
            label_uri: Where to write: a folder for semantic segmentation, else a file.

        Raises:
            DataError: The image cannot be read or does not fit the model.
        """
        uris = [image_uris] if isinstance(image_uris, str) else list(image_uris)
        scene = self._scene(uris, label_uri)
        self._fill_stats(scene)
        self.bundle.predict(self.bundle.pipeline.build_scene(scene))

    def _scene(self, image_uris: list[str], label_uri: str) -> SceneConfig:
        """Return the bundle's scene with this image in place of its own."""
        dataset = self.config.dataset
        scenes = dataset.all_scenes
        if not scenes:
            raise DataError(
                'The model bundle describes no scene, so it cannot say how to read one.'
            )
        scene = (dataset.validation_scenes or scenes)[0].copy()
        scene.label_source = None
        scene.aoi_uris = None
        if scene.label_store is None:
            scene.label_store = self.config.get_default_label_store(scene)
        setattr(scene.label_store, 'uri', label_uri)  # noqa: B010 - not a field of the base
        sources = list(find_configs(scene.raster_source, RasterSourceConfig))
        files = [s for s in sources if hasattr(s, 'uris')]
        if len(files) == 1:
            files[0].uris = image_uris
        elif len(files) == len(image_uris):
            for source, uri in zip(files, image_uris, strict=True):
                source.uris = uri
        else:
            raise DataError(
                f'The model of this bundle reads {len(files)} images of a scene, got '
                f'{len(image_uris)}: {", ".join(image_uris)}.'
            )
        for source in sources:
            source.bbox = None
        if self.channel_order is not None:
            scene.raster_source.channel_order = self.channel_order
        return scene

    def _fill_stats(self, scene: SceneConfig) -> None:
        """Point the statistics transformers to the bundle's statistics, or to new ones."""
        transformers = list(find_configs(scene.raster_source, StatsTransformerConfig))
        if self.update_stats and transformers:
            stats_dir = tempfile.mkdtemp(dir=self.tmp_dir, prefix='stats-')
            cfg = next(
                (a.copy() for a in self.config.analyzers if isinstance(a, StatsAnalyzerConfig)),
                StatsAnalyzerConfig(),
            )
            cfg.output_uri = stats_dir
            source = self.bundle.pipeline.build_scene(analyzer_scene(scene))
            cfg.build().process([source], self.tmp_dir)
            uri = next(str(p) for p in Path(stats_dir).rglob('stats.json'))
            for transformer in transformers:
                transformer.stats_uri = uri
            return
        for transformer in transformers:
            group = self.scene_group or transformer.scene_group or layout.TRAIN_SCENES
            transformer.stats_uri = self.bundle.stats_uri(group)


class ScenePredictor:
    """Predicts scenes with the model of a bundle."""

    def __init__(
        self,
        model_bundle_uri: str,
        predict_options: 'str | dict[str, Any] | PredictOptions | None' = None,
        tmp_dir: str | None = None,
        trust_code: bool = False,
    ) -> None:
        """Open a bundle and load its model.

        Args:
            model_bundle_uri: A bundle that the BUNDLE command wrote.
            predict_options: Options in place of the bundle's, as a config, a dict or the URI of a
                JSON file.
            tmp_dir: Local folder for temporary files; None for one that goes with this object.
            trust_code: Run code that the bundle carries.

        Raises:
            NotReadableError: There is no such bundle.
            DataError: It is not a bundle, is damaged, or carries code and is not trusted.
            ConfigError: The options are not valid.
        """
        if tmp_dir is None:
            tmp_dir = tempfile.mkdtemp(dir=rv_config_.get_tmp_dir_root(), prefix='predictor-')
            weakref.finalize(self, shutil.rmtree, tmp_dir, ignore_errors=True)
        options = None
        if predict_options is not None:
            options = PredictOptions.deserialize(predict_options)
            options.update()
            options.validate_config()
        self.bundle = _BundledPipeline(
            model_bundle_uri, tmp_dir, trust_code=trust_code, predict_options=options
        )
        self.config = self.bundle.config

    def predict(self, scene_config: 'str | dict[str, Any] | SceneConfig') -> None:
        """Predict a scene that is given as a config, a dict or the URI of a JSON file."""
        self.predict_scene(self.build_scene(scene_config))

    def predict_scene(self, scene: Scene) -> None:
        """Predict a scene and write the result to its label store."""
        self.bundle.predict(scene)

    def build_scene(self, scene_config: 'str | dict[str, Any] | SceneConfig') -> Scene:
        """Build a scene; statistics that its config leaves open come from the bundle.

        Raises:
            ConfigError: The config is not valid or says not where to write predictions.
        """
        scene = SceneConfig.deserialize(scene_config).copy()
        for transformer in find_configs(scene.raster_source, StatsTransformerConfig):
            if transformer.stats_uri is None:
                group = transformer.scene_group or layout.TRAIN_SCENES
                transformer.stats_uri = self.bundle.stats_uri(group)
        if scene.label_store is None or getattr(scene.label_store, 'uri', '') is None:
            raise ConfigError(
                f'Scene {scene.id!r} says not where to write predictions: give it a label_store '
                'with a uri.'
            )
        return self.bundle.pipeline.build_scene(scene)
