"""Opening a scene as the commands will, and finding all that is wrong with it, not the first."""

from typing import TYPE_CHECKING

from rastervision.core.data import (
    RasterSourceConfig,
    Scene,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.rv_pipeline.config_checks import require_labels
from rastervision.core.rv_pipeline.input_files import input_uris
from rastervision.core.rv_pipeline.scenes import Split
from rastervision.core.rv_pipeline.validation.findings import SceneFindings, Use, WindowFacts
from rastervision.core.rv_pipeline.validation.heard import listening
from rastervision.core.rv_pipeline.validation.images import describe_image, describe_pixels
from rastervision.core.rv_pipeline.validation.labels import label_facts
from rastervision.core.rv_pipeline.validation.sample import Sample, read_sample
from rastervision.core.rv_pipeline.validation.windows import (
    hooked_windows,
    prediction_facts,
    training_windows,
)
from rastervision.core.utils.config_walk import find_configs
from rastervision.pipeline.errors import RVError

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

PARTS = ('label_source', 'label_store', 'aoi_uris')
"""What a scene has beside its image."""

SPLITS: dict[Use, Split] = {'train': 'train', 'validation': 'valid'}


class SceneChecks:
    """Looks at scenes one by one; several threads may share it."""

    def __init__(self, pipeline: 'RVPipeline', statistics: set[str]) -> None:
        """Prepare to look.

        Args:
            pipeline: Whose scenes these are.
            statistics: URIs of the statistics that ANALYZE is going to write.
        """
        self.pipeline = pipeline
        self.config = pipeline.config
        self.num_classes = len(self.config.dataset.class_config)
        self.statistics = statistics
        backend = self.config.backend
        self.needs_chips = backend.needs_chips(self.config)
        trained = backend.training_dataset(self.config)
        self.read_ids = {scene.id for scene in trained.all_scenes} if trained is not None else set()

    def look_at(self, config: SceneConfig, uses: tuple[Use, ...]) -> SceneFindings:
        """Return everything that is found out about a scene; this raises nothing."""
        found = SceneFindings(config.id, uses)
        with listening() as heard:
            try:
                with found.noting():
                    found.names = tuple(input_uris(config, lambda uri, _: [uri]))
                self._look(found, self._before_analyze(config))
            except Exception as error:  # noqa: BLE001 - one bad scene must not hide the others
                found.error(error)
        for message in heard:
            found.warn(message)
        return found

    def _look(self, found: SceneFindings, config: SceneConfig) -> None:
        splits = [split for use, split in SPLITS.items() if use in found.uses]
        if self.needs_chips or config.id in self.read_ids:
            for split in splits:
                with found.noting():
                    require_labels(config, split)
        scene = self._built(found, config)
        if scene is None:
            return
        describe_image(found, scene)
        sample = read_sample(scene, self.num_classes)
        describe_pixels(found, scene, sample)
        if sample.image_error is not None:
            return
        if scene.label_source is not None:
            self._look_at_labels(found, scene, sample)
        if {'validation', 'test'} & {*found.uses}:
            with found.noting():
                found.prediction = prediction_facts(self.pipeline, scene)
            if found.prediction is not None:
                self._look_at_prediction(found, scene)

    def _look_at_labels(self, found: SceneFindings, scene: Scene, sample: Sample) -> None:
        if sample.label_error is not None:
            found.error(sample.label_error)
            return
        with found.noting():
            found.labels = label_facts(scene, self.num_classes, sample)
        if found.labels is not None and not found.labels.overlap:
            found.warn('its labels have nothing in the image; check that this is right.')
        for use in SPLITS:
            if use in found.uses:
                with found.noting():
                    windows = self._windows(scene)
                    if windows is not None:
                        found.windows[use] = windows

    def _look_at_prediction(self, found: SceneFindings, scene: Scene) -> None:
        size, extent = self.pipeline.predict_options().chip_sz, scene.extent
        if size > min(extent.height, extent.width):
            found.warn(
                f'Prediction windows of {size}x{size} pixels are larger than the scene '
                f'({extent.height}x{extent.width} pixels); the rest of them is padding. Use a '
                'smaller predict_options.chip_sz.'
            )

    def _windows(self, scene: Scene) -> WindowFacts | None:
        """Return the windows that the model learns from; None if nobody knows."""
        backend, pipeline = self.config.backend, self.pipeline
        if scene.id in self.read_ids:
            sampling = backend.training_sampling(self.config, scene.id)
            return None if sampling is None else training_windows(scene, sampling)
        if not self.needs_chips:
            return None
        options = pipeline.chip_options()
        sampling = options.sampling_for(scene.id)
        if pipeline.is_hooked('get_train_windows'):
            return hooked_windows(pipeline, scene, sampling)
        return training_windows(scene, sampling, options)

    # --- building

    def _built(self, found: SceneFindings, config: SceneConfig) -> Scene | None:
        """Build a scene; what fails is noted and left out, None if the image itself does."""
        try:
            return self.pipeline.build_scene(config)
        except RVError as error:
            whole = error
        good = _bare(config)
        try:
            scene = self.pipeline.build_scene(good)
        except RVError as error:
            found.error(error)
            return None
        is_explained = False
        for field in PARTS:
            more = good.copy()
            setattr(more, field, getattr(config, field))
            try:
                scene, good = self.pipeline.build_scene(more), more
            except RVError as error:
                found.error(error)
                is_explained = True
        if not is_explained:
            found.error(whole)
        return scene

    def _before_analyze(self, config: SceneConfig) -> SceneConfig:
        """Return a copy of a scene without the transformers that wait for ANALYZE."""
        config = config.copy()
        for source in find_configs(config.raster_source, RasterSourceConfig):
            source.transformers = [
                t
                for t in source.transformers
                if not (isinstance(t, StatsTransformerConfig) and t.stats_uri in self.statistics)
            ]
        return config


def _bare(config: SceneConfig) -> SceneConfig:
    """Return a copy of a scene with the image alone."""
    config = config.copy()
    for field in PARTS:
        setattr(config, field, None)
    return config
