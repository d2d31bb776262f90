"""SemanticSegmentationLabelSource: a class id for every pixel (C+E)."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.chip import Chip, all_valid
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.raster_source.raster_source import RasterSource, RasterSourceConfig
from rastervision.core.data.raster_source.rasterized_source import (
    RasterizedSource,
    RasterizedSourceConfig,
)
from rastervision.core.data.utils.misc import describe_source, parse_array_slices_2d
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import DataError

if TYPE_CHECKING:
    from rastervision.core.data.label import SemanticSegmentationLabels
    from rastervision.core.data.scene import SceneConfig

log = logging.getLogger(__name__)

BAND_ROWS = 512


class SemanticSegmentationLabelSource(LabelSource):
    """Class ids from a raster, or drawn from polygons.

    Pixels outside of the extent, and those that the label raster calls nodata, are of the null
    class; `has_label` tells the latter from pixels that are of this class indeed.
    """

    def __init__(
        self,
        raster_source: RasterSource,
        class_config: ClassConfig,
        bbox: Box | None = None,
    ) -> None:
        """Constructor.

        Args:
            raster_source: class ids, one channel. Colours become ids by an
                `RGBClassTransformer` of the source.
            class_config: the classes.
            bbox: part of the labels that is used, in pixels of the raster source.

        Raises:
            DataError: the raster source has several channels.
        """
        if raster_source.num_channels != 1:
            raise DataError(
                f'{describe_source(raster_source)} gives {raster_source.num_channels} channels, '
                'but labels need one; choose it by channel_order, or turn colours into class ids '
                'by an rgb_class_transformer.'
            )
        self.raster_source = raster_source
        self.class_config = class_config
        self.uris = getattr(raster_source, 'uris', None)
        self._report_ambiguous_nodata()
        self._is_gap_reported = False
        if bbox is not None:
            self.set_bbox(bbox)

    def _report_ambiguous_nodata(self) -> None:
        """Say so when a class id is nodata: masks are often written so by mistake."""
        if self.raster_source.raster_transformers:
            return
        for value in getattr(self.raster_source, 'nodata_values', []):
            names = self.class_config.names
            if value in range(len(names)) and names[int(value)] != self.class_config.null_class:
                log.warning(
                    '%s declares %d as nodata, which is the id of class %r, too: these pixels '
                    'are taken for unlabelled ones. If they are of that class, remove the nodata '
                    'value from the file, or name the class as null_class.',
                    describe_source(self),
                    value,
                    names[int(value)],
                )

    def get_label_arr(self, window: Box | None = None) -> NDArray[np.uint8]:
        """Class ids of a window.

        Args:
            window: box in the extent frame; None takes the whole extent.

        Returns:
            (H, W) class ids.

        Raises:
            DataError: a value in the labels is no class id.
        """
        window = self.extent if window is None else window
        chip = self.raster_source.read(window)
        self._check_ids(chip, window)
        labels = chip.pixels[..., 0]
        if not chip.valid.all():
            labels = np.where(chip.valid, labels, self.class_config.null_class_id)
            self._report_gaps(chip, window)
        return labels.astype(np.uint8, copy=False)

    def has_label(self, window: Box) -> NDArray[np.bool_]:
        """Where the label raster does not say nodata.

        A nodata value that is the id of the null class is a label. So is what lies beyond the
        raster, as in release 0.31.

        Args:
            window: box in the extent frame.

        Returns:
            (H, W) mask.
        """
        if not self.raster_source.may_have_gaps or self._nodata_is_null_class():
            return all_valid(*window.size)
        return self._without_gaps(self.raster_source.read(window), window)

    def _without_gaps(self, chip: Chip, window: Box) -> NDArray[np.bool_]:
        """(H, W) mask of a chip of the labels, True beyond the raster."""
        readable = self.raster_source.readable.to_local_coords(self.bbox)
        inside = readable.intersection(window).to_local_coords(window).to_slices()
        known = all_valid(*window.size)
        known[inside] = chip.valid[inside]
        return known

    def _nodata_is_null_class(self) -> bool:
        values = {*getattr(self.raster_source, 'nodata_values', [])}
        return (
            self.class_config.null_class is not None
            and not self.raster_source.raster_transformers
            and values == {self.class_config.null_class_id}
        )

    def _report_gaps(self, chip: Chip, window: Box) -> None:
        """Say so, once, when pixels without a label are trained on as some class."""
        classes = self.class_config
        if self._is_gap_reported or classes.null_is_nodata or self._nodata_is_null_class():
            return
        if not self._without_gaps(chip, window).all():
            self._is_gap_reported = True
            log.warning(
                '%s has pixels without a label (nodata). They do not count in EVAL, but a model '
                'is trained to take them for class %r, the null class. To leave them out there, '
                'too, leave null_class out of the class config, which adds a class called "null".',
                describe_source(self),
                classes.null_class,
            )

    def without_nodata(
        self, label: NDArray[np.uint8], valid: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        """(H, W) class ids with the null class where the image has no data at any time."""
        if valid.all() or self.class_config.null_class is None:
            return label
        seen = valid if valid.ndim == 2 else valid.any(axis=0)
        return np.where(seen, label, self.class_config.null_class_id).astype(label.dtype)

    def get_labels(self, window: Box | None = None) -> 'SemanticSegmentationLabels':
        """Labels of a window (in the extent frame), or of the whole extent."""
        from rastervision.core.data.label import SemanticSegmentationLabels

        window = self.extent if window is None else window
        labels = SemanticSegmentationLabels.make_empty(
            extent=self.extent, num_classes=len(self.class_config)
        )
        # by bands of rows, so that a large scene does not have to fit into memory
        for band in window.get_windows((BAND_ROWS, window.width), (BAND_ROWS, window.width)):
            inside = band.intersection(window)
            labels[inside] = self.get_label_arr(inside)
        return labels

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        """Class ids by Box or by slices; steps take every n-th pixel."""
        if isinstance(key, Box):
            return self.get_label_arr(key)
        window, steps = parse_array_slices_2d(key, self.extent)
        return self.get_label_arr(window)[tuple(steps)]

    def _check_ids(self, chip: Chip, window: Box) -> None:
        ids = chip.pixels[..., 0] if chip.valid.all() else chip.pixels[..., 0][chip.valid]
        count = len(self.class_config)
        if not ids.size or (ids.max() < count and ids.min() >= 0):
            return
        wrong = ids[(ids < 0) | (ids >= count)].flat[0].item()
        raise DataError(
            f'{describe_source(self)}: the label value {wrong} in the window '
            f'{window.tuple_format()} (ymin, xmin, ymax, xmax) is no class id; the '
            f'{count} classes ({", ".join(self.class_config.names)}) have ids 0..{count - 1}. '
            'Map the values to class ids by a reclass_transformer, or colours by an '
            'rgb_class_transformer.'
        )

    @property
    def bbox(self) -> Box:
        """Part of the labels that is used, in pixels of the raster source."""
        return self.raster_source.bbox

    @property
    def crs_transformer(self) -> CRSTransformer:
        """That of the raster source."""
        return self.raster_source.crs_transformer

    def set_bbox(self, bbox: Box) -> None:
        """Use another part of the labels; windows then count from its upper left corner."""
        self.raster_source.set_bbox(bbox)

    @property
    def labels_bbox(self) -> Box | None:
        """Box around all polygons, or of the label raster."""
        if isinstance(self.raster_source, RasterizedSource):
            return self.raster_source.vector_source.features_bbox
        return self.bbox


def ss_label_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 3:
        rgb_class_config = cfg_dict.pop('rgb_class_config', None)
        if rgb_class_config is not None:
            transformer = {'type_hint': 'rgb_class_transformer', 'class_config': rgb_class_config}
            cfg_dict['raster_source'].setdefault('transformers', []).append(transformer)
    return cfg_dict


@register_config('semantic_segmentation_label_source', upgrader=ss_label_source_config_upgrader)
class SemanticSegmentationLabelSourceConfig(LabelSourceConfig):
    """Labels for semantic segmentation: class ids in a raster, or polygons to draw."""

    raster_source: RasterSourceConfig | RasterizedSourceConfig = Field(
        ..., description='A raster of class ids, or polygons to draw as one.'
    )

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Update the raster source."""
        self.raster_source.update(pipeline=pipeline, scene=scene)

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
    ) -> SemanticSegmentationLabelSource:
        """Build the label source."""
        source: RasterSource
        if isinstance(self.raster_source, RasterizedSourceConfig):
            source = self.raster_source.build(class_config, crs_transformer, bbox)
        else:
            source = self.raster_source.build(tmp_dir)
        return SemanticSegmentationLabelSource(source, class_config)
