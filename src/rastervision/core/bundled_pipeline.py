"""A pipeline that comes out of a model bundle."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from rastervision.core.bundle import MODEL_BUNDLE, PIPELINE_CONFIG, extract_bundle, require_trust
from rastervision.core.data import IdentityCRSTransformer, Scene, SceneConfig
from rastervision.core.data.label_store.geojson_store import GeoJSONStore
from rastervision.core.data.utils.misc import describe_source
from rastervision.core.rv_pipeline import PredictOptions, RVPipeline, RVPipelineConfig, layout
from rastervision.pipeline.errors import ConfigError, DataError, RVError
from rastervision.pipeline.file_system import file_exists

log = logging.getLogger(__name__)


class BundledPipeline:
    """The pipeline of a bundle, with its statistics at hand and its model when that is needed.

    The weights are loaded by `load` or the first prediction, so that everything that is wrong
    with an image can be said before.
    """

    def __init__(
        self,
        bundle_uri: str,
        tmp_dir: str,
        *,
        trust_code: bool = False,
        predict_options: PredictOptions | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        """Open a bundle.

        Args:
            bundle_uri: A bundle that the BUNDLE command wrote.
            tmp_dir: Local folder for temporary files.
            trust_code: Run code that the bundle carries.
            predict_options: Options in place of the bundle's.
            changes: Values of single fields of the options, by name.

        Raises:
            NotReadableError: There is no such bundle.
            DataError: It is not a bundle, is damaged, or carries code and is not trusted.
            ConfigError: The options are not valid, or not for this machine.
        """
        require_trust(bundle_uri, trust_code)
        Path(tmp_dir).mkdir(parents=True, exist_ok=True)
        self.folder = Path(mkdtemp(dir=tmp_dir, prefix='bundle-'))
        extract_bundle(bundle_uri, self.folder, required=(PIPELINE_CONFIG, MODEL_BUNDLE))
        self.config = self._read_config(bundle_uri)
        self.config.analyze_uri = str(self.folder / 'analyze')
        self.config.predict_options = changed_options(
            predict_options
            or self.config.predict_options
            or self.config.get_default_predict_options(),
            changes or {},
        )
        self.config.backend.check_prediction(self.config.predict_options)
        self.pipeline: RVPipeline = self.config.build(tmp_dir)
        self.pipeline.use_model(str(self.folder / MODEL_BUNDLE), trust_code=trust_code)
        self.tmp_dir = tmp_dir

    def _read_config(self, bundle_uri: str) -> RVPipelineConfig:
        try:
            return RVPipelineConfig.from_file(str(self.folder / PIPELINE_CONFIG))
        except RVError as e:
            raise DataError(
                f'{PIPELINE_CONFIG} in model bundle {bundle_uri} cannot be used: {e}'
            ) from e

    def load(self) -> None:
        """Load the model, at the first call."""
        with self._use_tmp_dir(self.tmp_dir):  # of all scenes, not of the one that is open
            self.pipeline.ready_backend()

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

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Let downloads of the scenes that are built in the block go away with it."""
        with (
            TemporaryDirectory(
                dir=self.tmp_dir, prefix='scene-', ignore_cleanup_errors=True
            ) as folder,
            self._use_tmp_dir(folder),
        ):
            yield

    @contextmanager
    def _use_tmp_dir(self, folder: str) -> Iterator[None]:
        before, self.pipeline.tmp_dir = self.pipeline.tmp_dir, folder
        try:
            yield
        finally:
            self.pipeline.tmp_dir = before

    def build_scene(self, config: SceneConfig) -> Scene:
        """Build a scene and check that it fits the model, which need not be loaded.

        Raises:
            RVError: A file is missing or unreadable, or the image has other channels than the
                model takes.
        """
        scene = self.pipeline.build_scene(config)
        self._check(scene)
        return scene

    def _check(self, scene: Scene) -> None:
        source = scene.raster_source
        shape = self.config.backend.model_facts(self.config).input_shape
        if shape is not None and source.num_channels != shape[0]:
            order = [min(i, source.num_channels - 1) for i in range(shape[0])]
            raise DataError(
                f'{describe_source(source)} gives {source.num_channels} channels, but the model '
                f'takes {shape[0]}: choose bands with channel_order, such as {order} '
                f"(--channel-order '{' '.join(map(str, order))}')."
            )
        store = scene.label_store
        vectors = isinstance(store, GeoJSONStore) or bool(getattr(store, 'vector_outputs', []))
        if vectors and isinstance(source.crs_transformer, IdentityCRSTransformer):
            log.warning(
                '%s has no CRS: its polygons will be in pixel coordinates.', describe_source(source)
            )

    def is_predicted(self, scene: Scene) -> bool:
        """Say whether the label store of a scene has what predicting it would give."""
        return self.pipeline.is_predicted(scene)

    def predict(self, scene: Scene, skip_finished: bool = False) -> None:
        """Predict a scene and write the result to its label store.

        Args:
            scene: The scene.
            skip_finished: Do nothing if the same prediction is there already.
        """
        if skip_finished and self.is_predicted(scene):
            log.info('%s is predicted already; --rerun predicts it again.', scene.id)
            return
        self.load()
        self.pipeline.predict_to_store(scene)


def changed_options(options: PredictOptions, changes: Mapping[str, Any]) -> PredictOptions:
    """Return options with other values for some fields, filled and checked.

    A new `chip_sz` without a `stride` keeps the share by which windows overlap.

    Raises:
        ConfigError: There is no such field, or the values do not fit.
    """
    if unknown := sorted(set(changes) - set(type(options).model_fields)):
        raise ConfigError(
            f'Leave {" and ".join(map(_described, unknown))} out: the model of this bundle is for '
            'a task without this option. Its options: '
            f'{", ".join(sorted(type(options).model_fields))}.'
        )
    changed = type(options).from_dict({**options.to_dict(), **changes})
    if options.stride is not None and 'stride' not in changes:
        changed.stride = max(1, round(options.stride * changed.chip_sz / options.chip_sz))
    changed.update()
    changed.validate_config()
    return changed


def _described(option: str) -> str:
    """Name a predict option as Python and as the command line do."""
    return f'{option} (--{option.removesuffix("_sz").replace("_", "-")})'
