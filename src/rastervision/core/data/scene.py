"""Scene: an image with its labels, areas of interest and predictions (C+E)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.label_store.label_store import LabelStore, LabelStoreConfig
from rastervision.core.data.raster_source.raster_source import RasterSource, RasterSourceConfig
from rastervision.core.data.utils.alignment import match_bboxes
from rastervision.core.data.utils.geojson import geoms_to_bbox_coords, get_polygons_from_uris
from rastervision.core.data.utils.misc import describe_source, expand_key
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class Scene:
    """An image with what belongs to it.

    Attributes:
        id: name of the scene.
        raster_source: the image.
        label_source: ground truth, if there is any.
        label_store: where predictions go, if they go anywhere.
        aoi_polygons: areas of interest that touch the image, in its source pixel frame.
        aoi_polygons_bbox_coords: the same in the extent frame.
        config: what the scene was built from; None for one that was put together by hand.
    """

    config: 'SceneConfig | None' = None

    def __init__(
        self,
        id: str,  # noqa: A002 - name of 0.31
        raster_source: RasterSource,
        label_source: LabelSource | None = None,
        label_store: LabelStore | None = None,
        aoi_polygons: Sequence[BaseGeometry] | None = None,
    ) -> None:
        """Constructor.

        The bbox of `label_source` is set to the ground that the image covers.

        Args:
            id: name of the scene.
            raster_source: the image.
            label_source: ground truth.
            label_store: where predictions go.
            aoi_polygons: the parts of the image that labels are complete for, as polygons in
                the source pixel frame of the image.

        Raises:
            DataError: labels that lie elsewhere or on another pixel grid, areas of interest
                that are no polygons or none of which touches the image.
        """
        self.id = id
        self.raster_source = raster_source
        self.label_source = label_source
        self.label_store = label_store
        if label_source is not None:
            match_bboxes(raster_source, label_source)
        self.aoi_polygons = self._polygons_in_image(aoi_polygons or [])
        self.aoi_polygons_bbox_coords = list(geoms_to_bbox_coords(self.aoi_polygons, self.bbox))

    def _polygons_in_image(self, polygons: Sequence[BaseGeometry]) -> list[BaseGeometry]:
        others = {p.geom_type for p in polygons} - {'Polygon', 'MultiPolygon'}
        if others:
            raise DataError(
                f'The areas of interest of scene {self.id!r} must be polygons, but there are '
                f'geometries of type {", ".join(sorted(others))}.'
            )
        if not polygons:
            return []
        inside = touching(polygons, self.bbox)
        if not inside:
            raise DataError(
                f'No area of interest of scene {self.id!r} touches its image '
                f'{describe_source(self.raster_source)}.'
            )
        return inside

    @property
    def extent(self) -> Box:
        """Extent of the image: Box(0, 0, height, width)."""
        return self.raster_source.extent

    @property
    def bbox(self) -> Box:
        """Part of the image that is used, in its source pixel frame."""
        return self.raster_source.bbox

    def __getitem__(self, key: Any) -> tuple[Any, Any]:
        """Chip and label, by a Box in the extent frame or by slices as for the raster source.

        The label is that of the rows and columns, whatever times and channels are chosen; None
        without a label source.
        """
        chip = self.raster_source[key]
        if self.label_source is None:
            return chip, None
        if isinstance(key, Box):
            return chip, self.label_source[key]
        *_, rows, columns, _ = expand_key(key, len(self.raster_source.shape))
        return chip, self.label_source[rows, columns]

    def read(self, window: Box) -> tuple[Chip, Any]:
        """Chip and label of a window, as a model is trained on them.

        Unlike by indexing, the chip has the mask of its data, and pixels without data are of the
        null class. The label is None without a label source.
        """
        chip = self.raster_source.read(window)
        if self.label_source is None:
            return chip, None
        return chip, self.label_source.without_nodata(self.label_source[window], chip.valid)


def touching(polygons: Sequence[BaseGeometry], bbox: Box) -> list[BaseGeometry]:
    """Polygons that touch a box in their frame."""
    box = bbox.to_shapely()
    touches = shapely.intersects(np.array(polygons, dtype=object), box)
    return [p for p, yes in zip(polygons, touches, strict=True) if yes]


def read_aoi(uris: Sequence[str], image: RasterSource, scene_id: str) -> list[BaseGeometry]:
    """Areas of interest from files, in the source pixel frame of an image.

    Raises:
        DataError: none of them touches the image.
    """
    polygons = get_polygons_from_uris(uris, image.crs_transformer, near=image.bbox)
    if uris and not touching(polygons, image.bbox):
        raise DataError(
            f'No area of interest in {", ".join(uris)} touches the image '
            f'{describe_source(image)} of scene {scene_id!r}; leave it out, or name a file with '
            'polygons in the image.'
        )
    return polygons


def scene_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 4 and cfg_dict.pop('aoi_geometries', None):
        raise ConfigError(
            f'Scene {cfg_dict.get("id")!r} has aoi_geometries, which are no longer supported; '
            'write them to a GeoJSON file and name it in aoi_uris.'
        )
    return cfg_dict


@register_config('scene', upgrader=scene_config_upgrader)
class SceneConfig(Config):
    """An image with its labels, areas of interest and predictions."""

    id: str = Field(
        ...,
        min_length=1,
        description=(
            'Name of the scene, different from that of any other. Its predictions are in files of '
            'this name; a slash makes a folder.'
        ),
    )
    raster_source: RasterSourceConfig = Field(..., description='The image.')
    label_source: LabelSourceConfig | None = Field(
        None, description='Ground truth, for training and evaluation.'
    )
    label_store: LabelStoreConfig | None = Field(
        None,
        description='Where predictions are written. When absent, the pipeline chooses one.',
    )
    aoi_uris: list[str] | None = Field(
        None,
        description=(
            'Vector files (GeoJSON, GeoPackage, Shapefile, ...) with the areas of interest: the '
            'polygons in which labels are complete. Windows for training are taken from there, '
            'and predictions are scored there. When absent, the whole image counts.'
        ),
    )

    def update(self, pipeline: 'RVPipelineConfig | None' = None) -> None:
        """Fill what depends on the pipeline, in all parts of the scene."""
        self.raster_source.update(pipeline=pipeline, scene=self)
        if self.label_source is not None:
            self.label_source.update(pipeline=pipeline, scene=self)
        if self.label_store is None and pipeline is not None:
            self.label_store = pipeline.get_default_label_store(scene=self)
        if self.label_store is not None:
            self.label_store.update(pipeline=pipeline, scene=self)

    def build(
        self,
        class_config: ClassConfig,
        tmp_dir: str | None = None,
        use_transformers: bool = True,
    ) -> Scene:
        """Build the scene.

        Args:
            class_config: the classes.
            tmp_dir: directory for downloads.
            use_transformers: False leaves out the transformers of the image.

        Raises:
            RVError: a file is missing, unreadable, or does not fit the others; the message
                names it.
        """
        image = self.raster_source.build(tmp_dir, use_transformers=use_transformers)
        place = (class_config, image.crs_transformer, image.bbox, tmp_dir)
        label_source = None if self.label_source is None else self.label_source.build(*place)
        label_store = None if self.label_store is None else self.label_store.build(*place)
        scene = Scene(
            self.id,
            image,
            label_source=label_source,
            label_store=label_store,
            aoi_polygons=read_aoi(self.aoi_uris or [], image, self.id),
        )
        scene.config = self
        return scene
