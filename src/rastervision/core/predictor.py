"""Predicting with a model bundle: images with Predictor, scenes with ScenePredictor."""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from rastervision.core.analyzer import StatsAnalyzerConfig
from rastervision.core.bundled_pipeline import BundledPipeline
from rastervision.core.data import (
    LabelStoreConfig,
    RasterSourceConfig,
    Scene,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.image_list import ListedImage, find_images, may_exist, output_names
from rastervision.core.prediction_outputs import (
    Scores,
    check_outputs,
    many_outputs,
    one_output,
    set_outputs,
)
from rastervision.core.prediction_report import ImageResult, Outcome, PredictionReport
from rastervision.core.rv_pipeline import PredictOptions, layout
from rastervision.core.rv_pipeline.scenes import (
    analyzer_scene,
    file_sources,
    images_per_scene,
    share_images,
)
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.progress import progress

log = logging.getLogger(__name__)


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
        *,
        scores: Scores | None = None,
        polygons: bool = True,
        **predict_options: Any,
    ) -> None:
        """Open a bundle; its model is loaded by the first prediction, once.

        Args:
            model_bundle_uri: A bundle that the BUNDLE command wrote.
            tmp_dir: Local folder for temporary files, kept as long as this object is used.
            update_stats: Compute the statistics that the bundle's transformers need from each
                image, instead of using those of the training data.
            channel_order: Bands of the images that become the model's channels; those of the
                bundle when None.
            scene_group: Use the statistics of this scene group; that of the bundle's config
                when None.
            trust_code: Run code that the bundle carries.
            scores: How the scores of all classes are written, or 'none'; as in the bundle when
                None.
            polygons: Write polygons: those that the bundle's config asks for; of all classes if
                it asks for none.
            predict_options: Fields of the predict options of the bundle's task that get other
                values than in the bundle, such as `chip_sz=512, tta=True`.

        Raises:
            NotReadableError: There is no such bundle.
            DataError: It is not a bundle, is damaged, or carries code and is not trusted.
            ConfigError: The predict options are not valid.
        """
        self.update_stats = update_stats
        self.channel_order = None if channel_order is None else list(channel_order)
        self.scene_group = scene_group
        self.scores = scores
        self.polygons = polygons
        self.bundle = BundledPipeline(
            model_bundle_uri, tmp_dir, trust_code=trust_code, changes=predict_options
        )
        self.config = self.bundle.config
        self.tmp_dir = tmp_dir
        if self.config.dataset.all_scenes:
            check_outputs(self._template()[1], scores, polygons)

    def predict(
        self, image_uris: list[str] | str, label_uri: str, skip_finished: bool = False
    ) -> None:
        """Predict one image and write the result.

        Args:
            image_uris: The files that make up the image.
            label_uri: Where to write, see `output_uri`.
            skip_finished: Do nothing if the same prediction is there already.

        Raises:
            DataError: The image cannot be read or does not fit the model.
        """
        uris = [image_uris] if isinstance(image_uris, str) else list(image_uris)
        with self._open(uris, self.output_uri(uris[0], label_uri)) as scene:
            self.bundle.predict(scene, skip_finished)

    def output_uri(self, image_uri: str, label_uri: str) -> str:
        """Return where `predict` writes to.

        Args:
            image_uri: The first file of the image.
            label_uri: A folder for semantic segmentation; for other tasks a file, which gets an
                ending if it has none, or a folder that is there for a file in it that is named
                after the image.
        """
        return one_output(self._template()[1], label_uri, image_uri)

    def predict_many(
        self,
        images: str | Iterable[str | ListedImage],
        output_uri: str,
        skip_finished: bool = True,
    ) -> PredictionReport:
        """Predict images one after the other; one that fails does not stop the others.

        Args:
            images: Image files, folders of images, patterns such as 'tiles/**/*.tif' or lists
                (.txt, .csv); see `rastervision.core.image_list`. For a model that reads several
                images of each scene, tables with a column for each.
            output_uri: Folder below which each image gets a folder, or a file, of its own, named
                by `output_names`.
            skip_finished: Leave out images whose prediction is there already.

        Returns:
            What became of each image.

        Raises:
            RVError: The images cannot be listed, or the model cannot be loaded.
        """
        listed = find_images([images] if isinstance(images, str) else images, self._per_scene())
        uris = many_outputs(self._template()[1], output_uri, output_names(listed))
        # those that do not exist come first: they are told before the model is loaded
        work = sorted(
            zip(listed, uris, strict=True), key=lambda item: all(map(may_exist, item[0].uris))
        )
        results = []
        with progress(len(work), 'Images', unit='images') as advance:
            for number, (image, uri) in enumerate(work, 1):
                name = f'Image {number} of {len(work)}, {image}'
                outcome, error = self._attempt(image.uris, uri, skip_finished, name)
                results.append(ImageResult(image, uri, outcome, error))
                advance(1)
        return PredictionReport(results)

    def _attempt(
        self, image_uris: list[str], label_uri: str, skip_finished: bool, name: str
    ) -> tuple[Outcome, Exception | None]:
        """Predict the image, or images, of a scene; what goes wrong is returned."""
        with ExitStack() as stack:
            try:
                scene = stack.enter_context(self._open(image_uris, label_uri))
                if skip_finished and self.bundle.is_predicted(scene):
                    log.info('%s: finished before.', name)
                    return 'finished before', None
            except Exception as e:  # noqa: BLE001 (it is returned)
                return _failed(name, e)
            self.bundle.load()  # where this fails, it does so for all images
            log.info('%s', name)
            try:
                self.bundle.predict(scene)
            except Exception as e:  # noqa: BLE001 (it is returned)
                return _failed(name, e)
        return 'predicted', None

    @contextmanager
    def _open(self, image_uris: list[str], label_uri: str) -> Iterator[Scene]:
        """Build the scene of an image; downloads and the like go away with the block."""
        config = self._scene(image_uris, label_uri)
        with self.bundle.scratch():
            self._fill_stats(config)
            yield self.bundle.build_scene(config)

    def _template(self) -> tuple[SceneConfig, LabelStoreConfig]:
        """Return a copy of the bundle's scene without labels, and its label store."""
        dataset = self.config.dataset
        if not dataset.all_scenes:
            raise DataError(
                'The model bundle describes no scene, so it cannot say how to read one.'
            )
        scene = (dataset.validation_scenes or dataset.all_scenes)[0].copy()
        scene.label_source = None
        scene.aoi_uris = None
        if scene.label_store is None:
            scene.label_store = self.config.get_default_label_store(scene)
        return scene, scene.label_store

    def _scene(self, image_uris: list[str], label_uri: str) -> SceneConfig:
        """Return the bundle's scene with this image in place of its own."""
        scene, store = self._template()
        scene.id = PurePosixPath(image_uris[0].replace('\\', '/')).stem
        classes = self.config.dataset.class_config
        set_outputs(store, label_uri, classes, self.scores, self.polygons)
        files = file_sources(scene)
        for source, uris in zip(files, _for_each(files, image_uris), strict=True):
            source.uris = uris
        for source in find_configs(scene.raster_source, RasterSourceConfig):
            source.bbox = None
        if self.channel_order is not None:
            scene.raster_source.channel_order = self.channel_order
        return scene

    def _per_scene(self) -> int:
        """Return how many images of a scene the model reads."""
        return images_per_scene(self._template()[0])

    def _fill_stats(self, scene: SceneConfig) -> None:
        """Point the statistics transformers to the bundle's statistics, or to new ones."""
        transformers = list(find_configs(scene.raster_source, StatsTransformerConfig))
        if self.update_stats and transformers:
            tmp_dir = self.bundle.pipeline.tmp_dir
            stats_dir = tempfile.mkdtemp(dir=tmp_dir, prefix='stats-')
            cfg = next(
                (a.copy() for a in self.config.analyzers if isinstance(a, StatsAnalyzerConfig)),
                StatsAnalyzerConfig(),
            )
            cfg.output_uri = stats_dir
            source = self.bundle.pipeline.build_scene(analyzer_scene(scene))
            cfg.build().process([source], tmp_dir)
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
        **changes: Any,
    ) -> None:
        """Open a bundle; its model is loaded by the first prediction, once.

        Args:
            model_bundle_uri: A bundle that the BUNDLE command wrote.
            predict_options: Options in place of the bundle's, as a config, a dict or the URI of a
                JSON file.
            tmp_dir: Local folder for temporary files; None for one that goes with this object.
            trust_code: Run code that the bundle carries.
            changes: Values of single fields of the predict options, such as `tta=True`.

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
        self.bundle = BundledPipeline(
            model_bundle_uri,
            tmp_dir,
            trust_code=trust_code,
            predict_options=options,
            changes=changes,
        )
        self.config = self.bundle.config

    def predict(
        self, scene_config: 'str | dict[str, Any] | SceneConfig', skip_finished: bool = False
    ) -> None:
        """Predict a scene that is given as a config, a dict or the URI of a JSON file.

        Args:
            scene_config: The scene.
            skip_finished: Do nothing if the same prediction is there already.
        """
        with self.bundle.scratch():
            self.bundle.predict(self.build_scene(scene_config), skip_finished)

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
        return self.bundle.build_scene(scene)


def _failed(name: str, error: Exception) -> tuple[Outcome, Exception]:
    log.warning('%s: %s', name, error)
    log.debug('%s', name, exc_info=error)
    # its tracebacks hold on to all that was in memory
    error.__cause__ = error.__context__ = None
    return 'failed', error.with_traceback(None)


def _for_each(sources: Sequence[Any], image_uris: list[str]) -> list[list[str]]:
    """The files of an image for each raster source of a bundle."""
    if len(sources) == len(image_uris) > 1:
        return [[uri] for uri in image_uris]
    if sources and share_images(sources):
        return [image_uris] * len(sources)
    raise DataError(
        f'The model of this bundle reads {len(sources)} images of a scene, got {len(image_uris)}: '
        f'{", ".join(image_uris)}. Name all of them, in the order of the sources in the config, in '
        'a row of a list .csv with a column for each, or by Predictor(...).predict([image, '
        'other_image], label_uri) in Python.'
    )
