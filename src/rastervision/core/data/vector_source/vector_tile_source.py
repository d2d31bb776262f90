"""VectorTileSource: geometries from vector tiles (C+E)."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.vector_bounds import Place, place_of_file, tile_bounds
from rastervision.core.data.utils.vector_io import mended, to_pixels
from rastervision.core.data.utils.vector_tiles import (
    TILE_CRS,
    is_template,
    join_by_id,
    read_mbtiles,
    read_template,
)
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.core.data.vector_transformer import VectorTransformer
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

log = logging.getLogger(__name__)

_ID_FIELD = '@id'  # of OpenStreetMap objects in OSM QA tiles


class VectorTileSource(VectorSource):
    """Features of vector tiles: those of an .mbtiles file, or those behind a URI with {z}/{x}/{y}.

    Only tiles that touch `bbox` are read. What tiles cut at their edges is put together again by
    an id.
    """

    def __init__(
        self,
        uri: str,
        crs_transformer: CRSTransformer,
        vector_transformers: Sequence[VectorTransformer] = (),
        bbox: Box | None = None,
        zoom: int | None = None,
        id_field: str | None = _ID_FIELD,
        layers: Sequence[str] | None = None,
    ) -> None:
        """Constructor.

        Args:
            uri: an .mbtiles file, or a template such as http://host/{z}/{x}/{y}.mvt; {-y} counts
                rows from the south.
            crs_transformer: of the image.
            vector_transformers: applied in this order, in the source pixel frame.
            bbox: see `VectorSource`; a template needs it.
            zoom: level of the tiles to read. None takes the highest one of an .mbtiles file.
            id_field: property with the id of a feature. Parts with the same id become one
                feature. None leaves them apart.
            layers: names of the layers to read; None for all.

        Raises:
            ConfigError: a template without zoom or bbox.
        """
        super().__init__(crs_transformer, vector_transformers, bbox)
        if is_template(uri) and (zoom is None or bbox is None):
            missing = 'bbox' if zoom is not None else 'zoom'
            raise ConfigError(f'The vector tiles {uri} need {missing}, to tell which to read.')
        self.uri = uri
        self.zoom = zoom
        self.id_field = id_field
        self.layers = None if layers is None else list(layers)

    @property
    def uris(self) -> list[str]:
        """What is read, for messages."""
        return [self.uri]

    def _places(self) -> list[Place]:
        place = None if is_template(self.uri) else place_of_file(self.uri)
        return [] if place is None else [place]

    def _get_features(self) -> Features:
        if is_template(self.uri):
            searched = self._searched
            bounds = None if searched is None else tile_bounds(searched, self.crs_transformer)
            if self.zoom is None or bounds is None:
                raise ConfigError(
                    f'Nobody knows which of the vector tiles {self.uri} to read: the image has no '
                    'georeference, or a vector transformer does not tell its reach().'
                )
            layers, dropped = read_template(self.uri, self.zoom, bounds, self.layers)
        else:
            around = self.find_bounds(TILE_CRS)
            layers, dropped = read_mbtiles(self.uri, self.zoom, around, self.layers)
        if self.id_field is not None:
            self._check_ids(layers, self.id_field)
            layers = [join_by_id(features, self.id_field) for features in layers]
        features = replace(Features.concat(layers), origin=self.uri)
        return to_pixels(
            mended(features, dropped, self.uri), TILE_CRS, self.crs_transformer, 'none'
        )

    def _check_ids(self, layers: Sequence[Features], id_field: str) -> None:
        if any(map(len, layers)) and not any(
            id_ is not None for features in layers for id_ in features.column(id_field)
        ):
            log.warning(
                '%s: no feature has the property %r, so those that tiles cut at their edges stay '
                'cut; name the property with their id as id_field, or None if there is none.',
                self.uri,
                id_field,
            )


@register_config('vector_tile_source')
class VectorTileSourceConfig(VectorSourceConfig):
    """Geometries from vector tiles."""

    uri: str = Field(
        ...,
        description=(
            'An .mbtiles file, or a template such as http://host/{z}/{x}/{y}.mvt; {-y} counts '
            'rows from the south.'
        ),
    )
    zoom: int | None = Field(
        None,
        ge=0,
        le=30,
        description=(
            'Zoom level of the tiles to read. When absent, the highest one of an .mbtiles file; '
            'a template needs it.'
        ),
    )
    id_field: str | None = Field(
        _ID_FIELD,
        description=(
            'Property with the id of a feature; parts in several tiles that have the same id '
            'become one feature. None leaves them apart.'
        ),
    )
    layers: list[str] | None = Field(
        None, description='Names of the layers to read. When absent, all are read.'
    )

    @model_validator(mode='after')
    def _check_zoom(self) -> Self:
        if is_template(self.uri) and self.zoom is None:
            raise ValueError(f'the template {self.uri} needs zoom, the level of the tiles to read.')
        return self

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        use_transformers: bool = True,
    ) -> VectorTileSource:
        """Build the source."""
        return VectorTileSource(
            self.uri,
            crs_transformer,
            vector_transformers=self._build_transformers(class_config, use_transformers),
            bbox=bbox,
            zoom=self.zoom,
            id_field=self.id_field,
            layers=self.layers,
        )
