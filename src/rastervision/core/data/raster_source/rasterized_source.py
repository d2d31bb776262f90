"""RasterizedSource: labels drawn from polygons (C+E)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.raster_source.raster_source import RasterSource
from rastervision.core.data.raster_transformer import RasterTransformer
from rastervision.core.data.utils.arguments import as_window
from rastervision.core.data.utils.features import (
    Geoms,
    as_geoms,
    check_polygons,
    to_class_ids,
)
from rastervision.core.data.utils.misc import describe_source
from rastervision.core.data.utils.rasterizing import Edges, rasterize_polygons
from rastervision.core.data.vector_source import VectorSource, VectorSourceConfig
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from rastervision.core.data.scene import SceneConfig


class RasterizedSource(RasterSource):
    """Class ids drawn from the polygons of a vector source, each window when it is read.

    Where polygons overlap, the later one in the source counts. Windows may reach out of the
    extent: polygons are drawn there too, but the pixels are not valid.
    """

    def __init__(
        self,
        vector_source: VectorSource,
        background_class_id: int,
        bbox: Box | None = None,
        all_touched: bool = False,
        raster_transformers: Sequence[RasterTransformer] = (),
    ) -> None:
        """Constructor.

        Args:
            vector_source: polygons with class ids.
            background_class_id: class of pixels that no polygon covers.
            bbox: the extent, in the source pixel frame; None takes that of the vector source.
            all_touched: whether every pixel that a polygon touches belongs to it; otherwise
                those whose centre it covers.
            raster_transformers: transformers of the chips.

        Raises:
            DataError: a feature has no class id, or is no polygon.
        """
        self.vector_source = vector_source
        self.background_class_id = background_class_id
        self.all_touched = all_touched
        self.uris = getattr(vector_source, 'uris', None)
        self._class_ids = _class_ids(vector_source)
        self._edges = Edges.of(vector_source.features.geoms)
        super().__init__(
            channel_order=[0],
            num_channels_raw=1,
            dtype_raw=np.uint8,
            bbox=vector_source.bbox if bbox is None else bbox,
            raster_transformers=raster_transformers,
        )

    @property
    def df(self) -> 'GeoDataFrame':
        """The polygons, with class ids, as a table."""
        return self.vector_source.get_dataframe()

    @property
    def crs_transformer(self) -> CRSTransformer:
        """That of the vector source."""
        return self.vector_source.crs_transformer

    @property
    def may_have_gaps(self) -> bool:
        """No: all pixels of the extent can be drawn."""
        return False

    @property
    def _interpolates(self) -> bool:
        return False

    def validate_labels(self, df: 'GeoDataFrame') -> None:
        """Raise DataError unless all rows of a table are polygons with a class_id."""
        ids = df['class_id'].tolist() if 'class_id' in df else [None] * len(df)
        check_labels(as_geoms(df.geometry), ids, describe_source(self))

    def read(self, window: Box, out_shape: tuple[int, int] | None = None) -> Chip:
        """Draw a window.

        Args:
            window: box in the extent frame.
            out_shape: (height, width) of the result, drawn at that resolution.

        Returns:
            Chip of shape (H, W, 1) with class ids, not valid outside of the extent.
        """
        chip = self._read_extent(window, out_shape, self.channel_order)
        for transformer in self.raster_transformers:
            chip = transformer.apply(chip)
        return chip

    def get_raw_chip(self, window: Box, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
        """Class ids of a window before the transformers, (H, W, 1)."""
        return self._read_extent(window, out_shape, self.channel_order).pixels

    def _read_extent(
        self,
        window: Box,
        out_shape: tuple[int, int] | None,
        bands: Sequence[int],  # noqa: ARG002 - there is only one
    ) -> Chip:
        window = as_window(window)
        pixels = self._draw(window.to_global_coords(self.bbox), out_shape)
        valid = _inside(self.extent, window, pixels.shape)
        return Chip(pixels[..., None], valid)

    def _draw(self, box: Box, out_shape: tuple[int, int] | None) -> NDArray[np.uint8]:
        """(H, W) class ids of a box in the source pixel frame."""
        near = self.vector_source.near(box)
        return rasterize_polygons(
            self.vector_source.features.geoms[near],
            self._class_ids[near],
            box,
            self.background_class_id,
            all_touched=self.all_touched,
            out_shape=out_shape,
            edges=self._edges.take(near),
        )


def _class_ids(vector_source: VectorSource) -> NDArray[np.uint8]:
    features = vector_source.features
    origin = features.origin or describe_source(vector_source)
    return check_labels(features.geoms, features.column('class_id'), origin)


def check_labels(geoms: Geoms, class_ids: Iterable[Any], origin: str) -> NDArray[np.uint8]:
    """(N,) class ids; DataError unless all features are polygons with one that fits a uint8."""
    ids = to_class_ids(class_ids, origin)
    if len(ids) and ids.max() > 255:
        raise DataError(f'{origin}: the class_id {ids.max()} is not in 0..255.')
    check_polygons(geoms, origin, 'only polygons can be drawn')
    return ids.astype(np.uint8)


def _inside(extent: Box, window: Box, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) mask of the pixels of a (resampled) window that lie inside an extent."""
    if window.intersection(extent) == window:
        return np.ones(shape, dtype=bool)
    y = window.ymin + (np.arange(shape[0]) + 0.5) * (window.height / shape[0])
    x = window.xmin + (np.arange(shape[1]) + 0.5) * (window.width / shape[1])
    rows = (y > extent.ymin) & (y < extent.ymax)
    columns = (x > extent.xmin) & (x < extent.xmax)
    return rows[:, None] & columns[None, :]


def geoms_to_raster(
    df: 'GeoDataFrame', window: Box, background_class_id: int, all_touched: bool
) -> NDArray[np.uint8]:
    """Draw the polygons of a table with a class_id column over a window in their frame."""
    geoms = as_geoms(df.geometry)
    chosen = np.flatnonzero(shapely.intersects(geoms, window.to_shapely()))
    ids = df['class_id'].to_numpy()[chosen].astype(np.uint8)
    return rasterize_polygons(geoms[chosen], ids, window, background_class_id, all_touched)


@register_config('rasterizer')
class RasterizerConfig(Config):
    """How polygons are drawn."""

    background_class_id: int = Field(
        ..., description='Class id of pixels that no polygon covers.', ge=0, le=255
    )
    all_touched: bool = Field(
        False,
        description=(
            'Give a polygon every pixel that it touches. False gives it those whose centre it '
            'covers.'
        ),
    )


@register_config('rasterized_source')
class RasterizedSourceConfig(Config):
    """Labels drawn from polygons."""

    vector_source: VectorSourceConfig = Field(..., description='Where the polygons come from.')
    rasterizer_config: RasterizerConfig = Field(..., description='How they are drawn.')

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Give the vector source the transformers that drawing needs, and update it."""
        self.vector_source.add_default_transformers()
        self.vector_source.update(pipeline=pipeline, scene=scene)

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
    ) -> RasterizedSource:
        """Build the source.

        Args:
            class_config: the classes.
            crs_transformer: of the image.
            bbox: extent of the image, in its source pixel frame.

        Raises:
            ConfigError: background_class_id is no class.
        """
        try:
            class_config.get_name(self.rasterizer_config.background_class_id)
        except ConfigError as e:
            raise ConfigError(f'background_class_id of a rasterizer: {e}') from None
        return RasterizedSource(
            self.vector_source.build(class_config, crs_transformer, bbox),
            background_class_id=self.rasterizer_config.background_class_id,
            bbox=bbox,
            all_touched=self.rasterizer_config.all_touched,
        )
