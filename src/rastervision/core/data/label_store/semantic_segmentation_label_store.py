"""SemanticSegmentationLabelStore: class maps, scores and polygons of a scene (C+E)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label import (
    SemanticSegmentationDiscreteLabels,
    SemanticSegmentationLabels,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.label_store.label_store import LabelStore, LabelStoreConfig
from rastervision.core.data.label_store.ss_join import is_on_record
from rastervision.core.data.label_store.ss_outputs import (
    LABELS,
    SCORES,
    SceneOutputs,
    ScoreDtype,
)
from rastervision.core.data.label_store.ss_parts import PredictionParts, write_whole
from rastervision.core.data.label_store.ss_reader import Readers, read_labels, read_scores
from rastervision.core.data.label_store.ss_save import bands, label_bands, score_tiles
from rastervision.core.data.label_store.ss_writer import SemanticSegmentationWriter
from rastervision.core.data.label_store.vector_output import (
    VectorOutputConfig,
    check_vector_outputs,
)
from rastervision.core.utils.read_ahead import iterate_ahead
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.file_system.local_file_system import without_file_scheme

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

READ_ROWS = 512


class SemanticSegmentationLabelStore(LabelStore):
    """A folder with the predictions for a scene.

    - `labels.tif`: class ids (uint8, with a colour table) or, as RGB, their colours.
    - `scores.tif`: scores of all classes, float32, float16 or uint8 (0..255 for 0..1); optional.
    - `vector_output/class-<id>-<name>.json`: polygons as GeoJSON (or .gpkg, .parquet); optional.
    - `prediction.json`: what the files were made from, if they were written in parts.

    Rasters are Cloud Optimized GeoTIFFs. Every file appears only when it is complete.
    """

    def __init__(
        self,
        uri: str,
        crs_transformer: CRSTransformer,
        class_config: ClassConfig,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
        vector_outputs: Sequence[VectorOutputConfig] | None = None,
        save_as_rgb: bool = False,
        discrete_output: bool = True,
        smooth_output: bool = False,
        smooth_as_uint8: bool = False,
        rasterio_block_size: int = 512,
        smooth_dtype: ScoreDtype | None = None,
    ) -> None:
        """Constructor.

        Args:
            uri: the folder.
            crs_transformer: of the image.
            class_config: names and colours of the classes.
            bbox: where the extent lies in the image, in the source pixel frame.
            tmp_dir: folder for downloads.
            vector_outputs: polygons to write.
            save_as_rgb: keep colours instead of class ids.
            discrete_output: write `labels.tif`.
            smooth_output: write `scores.tif`.
            smooth_as_uint8: keep scores as uint8.
            rasterio_block_size: side of the tiles of rasters, in pixels; a multiple of 16.
            smooth_dtype: how scores are kept; when None, smooth_as_uint8 says.

        Raises:
            ConfigError: a vector output names a class that does not exist, or the block size is no
                multiple of 16.
        """
        uri = without_file_scheme(uri)
        self.root_uri = uri.rstrip('/') or uri
        self.class_config = class_config
        self.tmp_dir = tmp_dir
        self.vector_outputs = list(vector_outputs or [])
        self.save_as_rgb = save_as_rgb
        self.discrete_output = discrete_output
        self.smooth_output = smooth_output
        self.smooth_dtype = smooth_dtype or ('uint8' if smooth_as_uint8 else 'float32')
        self.rasterio_block_size = rasterio_block_size
        self._bbox = bbox
        self._crs_transformer = crs_transformer
        self._readers = Readers(tmp_dir)
        if rasterio_block_size < 16 or rasterio_block_size % 16:
            raise ConfigError(
                f'rasterio_block_size must be a multiple of 16, got {rasterio_block_size}.'
            )
        check_vector_outputs(self.vector_outputs, class_config)

    # ---- places

    @property
    def label_uri(self) -> str:
        """URI of the class raster."""
        return f'{self.root_uri}/labels.tif'

    @property
    def score_uri(self) -> str:
        """URI of the score raster."""
        return f'{self.root_uri}/scores.tif'

    @property
    def vector_output_uri(self) -> str:
        """URI of the folder of polygons."""
        return f'{self.root_uri}/vector_output'

    @property
    def bbox(self) -> Box | None:
        return self._bbox

    @property
    def crs_transformer(self) -> CRSTransformer:
        return self._crs_transformer

    def set_bbox(self, bbox: Box) -> None:
        self._bbox = bbox

    # ---- writing

    def writer(self) -> AbstractContextManager[SemanticSegmentationWriter]:
        """A writer that takes bands of scores (`ScoreTile`) from top to bottom, in a block.

        Files appear when the block ends well; when it fails, nothing of them is left.

        Raises:
            ConfigError: the store does not know its bbox.
        """
        return write_whole(self._outputs(self._known_bbox(), smooth=self.smooth_output))

    def save(
        self, labels: SemanticSegmentationLabels, profile: dict[str, Any] | None = None
    ) -> None:
        """Write labels and, from smooth labels, scores.

        Args:
            labels: labels of the whole extent.
            profile: rasterio creation options that replace ours; without any, rasters are Cloud
                Optimized GeoTIFFs.
        """
        bbox = labels.extent if self._bbox is None else self._bbox
        if bbox.size != labels.extent.size:
            raise DataError(
                f'Labels of {labels.extent.height} x {labels.extent.width} pixels do not fit the '
                f'bbox {bbox.tuple_format()} of the label store {self.root_uri}.'
            )
        smooth = isinstance(labels, SemanticSegmentationSmoothLabels)
        outputs = self._outputs(bbox, smooth=self.smooth_output and smooth, profile=profile)
        with write_whole(outputs) as writer:
            if isinstance(labels, SemanticSegmentationSmoothLabels):
                for tile in iterate_ahead(score_tiles(labels), ahead=1):
                    writer.write(tile)
            else:
                for band in iterate_ahead(label_bands(labels, self.vector_outputs), ahead=1):
                    writer.write_labels(*band)

    def parts(self, boxes: Sequence[Box], key: str) -> PredictionParts:
        """Write the scene in parts, in any order, by any number of processes.

        Args:
            boxes: the parts, in the extent frame; see `PredictionParts`.
            key: fingerprint of everything that decides the result.

        Raises:
            ConfigError: the store does not know its bbox.
        """
        outputs = self._outputs(self._known_bbox(), smooth=self.smooth_output)
        return PredictionParts(outputs, boxes, key, self.tmp_dir)

    def is_predicted(self, key: str) -> bool:
        """Whether `PredictionParts.join` has written the files for this key, and they are there."""
        return is_on_record(self.root_uri, key)

    def _known_bbox(self) -> Box:
        if self._bbox is None:
            raise ConfigError(
                f'The size of the predictions for {self.root_uri} is not known; give the label '
                'store a bbox.'
            )
        return self._bbox

    def _outputs(
        self, bbox: Box, smooth: bool, profile: dict[str, Any] | None = None
    ) -> SceneOutputs:
        rasters = {LABELS: self.label_uri} if self.discrete_output else {}
        if smooth:
            rasters[SCORES] = self.score_uri
        vectors = [
            (f'{self.vector_output_uri}/{output.file_name(self.class_config)}', output)
            for output in self.vector_outputs
        ]
        return SceneOutputs(
            root_uri=self.root_uri,
            rasters=rasters,
            vectors=vectors,
            rgb=self.save_as_rgb,
            score_dtype=self.smooth_dtype,
            block_size=self.rasterio_block_size,
            profile=profile,
            bbox=bbox,
            class_config=self.class_config,
            crs_transformer=self._crs_transformer,
        )

    # ---- reading

    def get_labels(self) -> SemanticSegmentationLabels:
        """Smooth labels when scores are kept, otherwise discrete ones.

        Raises:
            NotReadableError: nothing was predicted yet.
        """
        return self.get_scores() if self.smooth_output else self.get_discrete_labels()

    def get_discrete_labels(self) -> SemanticSegmentationDiscreteLabels:
        """All class ids, from `labels.tif`."""
        extent = self._readers.extent(self.label_uri, self._bbox)
        labels = SemanticSegmentationDiscreteLabels.make_empty(extent, len(self.class_config))
        for band in bands(extent, READ_ROWS):
            labels[band] = self.get_label_arr(band)
        return labels

    def get_scores(self) -> SemanticSegmentationSmoothLabels:
        """All scores, from `scores.tif`."""
        extent = self._readers.extent(self.score_uri, self._bbox)
        labels = SemanticSegmentationSmoothLabels.make_empty(extent, len(self.class_config))
        for band in bands(extent, READ_ROWS):
            labels[band] = self.get_score_arr(band)
        return labels

    def get_label_arr(self, window: Box) -> NDArray[np.uint8]:
        """Class ids of a window within the extent, from `labels.tif`: (h, w).

        Raises:
            NotReadableError: nothing was predicted yet.
            DataError: a value in the raster is no class id.
        """
        return read_labels(self._readers.get(self.label_uri), window, self.class_config)

    def get_score_arr(self, window: Box) -> NDArray[np.float32]:
        """Scores of a window within the extent, from `scores.tif`: (C, h, w) in [0, 1].

        Raises:
            NotReadableError: no scores were written.
        """
        return read_scores(self._readers.get(self.score_uri), window)


@register_config('semantic_segmentation_label_store')
class SemanticSegmentationLabelStoreConfig(LabelStoreConfig):
    """A folder with the predictions for a scene: class raster, scores and polygons."""

    uri: str | None = Field(
        None,
        description='Folder to write to. When absent, a folder with the id of the scene in the '
        "pipeline's predict_uri.",
    )
    vector_output: list[VectorOutputConfig] = Field(
        [], description='Polygons to write, one entry per class.'
    )
    rgb: bool = Field(
        False, description='Write the colours of the classes to labels.tif instead of their ids.'
    )
    smooth_output: bool = Field(
        False, description='Also write the scores of all classes, to scores.tif.'
    )
    smooth_as_uint8: bool = Field(
        False,
        description='Write scores as uint8 (0..255), a quarter of the size of float32 or less.',
    )
    smooth_dtype: ScoreDtype | None = Field(
        None,
        description='How scores are written: uint8 (0..255), float16 (half of the size of float32, '
        'with three digits) or float32. When absent, smooth_as_uint8 says.',
    )
    rasterio_block_size: int = Field(
        256, ge=16, multiple_of=16, description='Side of the tiles of the rasters, in pixels.'
    )

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        if self.uri is None and pipeline is not None and scene is not None:
            self.uri = f'{pipeline.predict_uri}/{scene.id}'

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
    ) -> SemanticSegmentationLabelStore:
        """Build the store; arguments as for `LabelStoreConfig.build`.

        Raises:
            ConfigError: uri is not set, or a vector output names a class that does not exist.
        """
        if self.uri is None:
            raise ConfigError(
                'uri of the label store is not set: give the folder for the predictions.'
            )
        classes = class_config.copy()
        classes.ensure_null_class()
        return SemanticSegmentationLabelStore(
            uri=self.uri,
            crs_transformer=crs_transformer,
            class_config=classes,
            bbox=bbox,
            tmp_dir=tmp_dir,
            vector_outputs=self.vector_output,
            save_as_rgb=self.rgb,
            smooth_output=self.smooth_output,
            smooth_as_uint8=self.smooth_as_uint8,
            rasterio_block_size=self.rasterio_block_size,
            smooth_dtype=self.smooth_dtype,
        )
