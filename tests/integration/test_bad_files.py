"""Files that are missing, empty or of another kind: one error that names the file."""

from collections.abc import Callable
from typing import Any

import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    ClassConfig,
    IdentityCRSTransformer,
    ObjectDetectionGeoJSONStoreConfig,
    RasterioSourceConfig,
    SemanticSegmentationLabelStoreConfig,
    StatsTransformerConfig,
    VectorSourceConfig,
    XarraySourceConfig,
)
from rastervision.core.data.utils import get_polygons_from_uris
from rastervision.core.raster_stats import RasterStats
from rastervision.core.utils import parse_stac, read_stac
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError
from rastervision.pytorch_learner import (
    ClassificationImageDataConfig,
    ExternalModuleConfig,
    Learner,
    SemanticSegmentationImageDataConfig,
)

CLASSES = ClassConfig(names=['a', 'b'])
CRS = IdentityCRSTransformer()
BOX = Box(0, 0, 10, 10)


def vectors(hint: str, **values: Any) -> Callable[[str], Any]:
    def read(path: str) -> None:
        field = 'uri' if hint == 'vector_tile_source' else 'uris'
        cfg = VectorSourceConfig.from_dict({'type_hint': hint, field: path, **values})
        cfg.build(CLASSES, CRS, bbox=BOX).get_geojson()

    return read


def raster(path: str) -> None:
    RasterioSourceConfig(uris=path).build().get_chip(BOX)


def xarray_file(path: str) -> None:
    Config.from_dict({'type_hint': 'xarray_file_source', 'uri': path}).build().get_chip(BOX)


def stac_source(path: str) -> None:
    XarraySourceConfig.from_dict(
        {'stac': {'type_hint': 'stac_item', 'uri': path}}
    ).build().get_chip(BOX)


def store(cls: type) -> Callable[[str], Any]:
    def read(path: str) -> None:
        cls(uri=path).build(CLASSES, CRS, BOX).get_labels()

    return read


def chips(cls: type) -> Callable[[str], Any]:
    def read(path: str) -> None:
        cls(uri=path, class_config=CLASSES, img_sz=10).build()

    return read


READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    'image': ('a.tif', raster),
    'virtual image': ('a.vrt', raster),
    'stats': ('stats.json', lambda path: StatsTransformerConfig(stats_uri=path).build()),
    'raster stats': ('stats.json', RasterStats.load),
    'NetCDF': ('a.nc', xarray_file),
    'STAC item': ('item.json', stac_source),
    'STAC': ('catalog.json', parse_stac),
    'zipped STAC': ('catalog.zip', read_stac),
    'GeoJSON': ('a.geojson', vectors('geojson_vector_source')),
    'GeoPackage': ('a.gpkg', vectors('vector_file_source')),
    'Shapefile': ('a.shp', vectors('vector_file_source')),
    'FlatGeobuf': ('a.fgb', vectors('vector_file_source')),
    'GeoParquet': ('a.parquet', vectors('vector_file_source')),
    'MBTiles': ('a.mbtiles', vectors('vector_tile_source', zoom=1, id_field='id')),
    'AOI': ('aoi.geojson', lambda path: get_polygons_from_uris(path, CRS)),
    'cells': ('cells.json', store(ChipClassificationGeoJSONStoreConfig)),
    'boxes': ('boxes.json', store(ObjectDetectionGeoJSONStoreConfig)),
    'config': ('pipeline.json', Config.from_file),
    'chips': ('chips.zip', chips(SemanticSegmentationImageDataConfig)),
    'cells as chips': ('chips.zip', chips(ClassificationImageDataConfig)),
    'code': ('code.zip', lambda path: ExternalModuleConfig(uri=path, entrypoint='f').build()),
    'bundle': ('bundle.zip', Learner.from_model_bundle),
}
CONTENTS = {'missing': None, 'empty': b'', 'of another kind': b'\x00\x01 this is nothing'}


@pytest.mark.parametrize('content', CONTENTS)
@pytest.mark.parametrize('reader', READERS)
def test_the_file_is_named(tmp_path, reader, content):
    name, read = READERS[reader]
    path = tmp_path / name
    if CONTENTS[content] is not None:
        path.write_bytes(CONTENTS[content])
    with pytest.raises((ConfigError, DataError, NotReadableError)) as error:
        read(str(path))
    assert name in str(error.value)
    assert len(str(error.value).splitlines()) <= 3


def test_a_label_store_without_predictions(tmp_path):
    config = SemanticSegmentationLabelStoreConfig(uri=str(tmp_path / 'scene'))
    with pytest.raises(NotReadableError, match='scene'):
        config.build(CLASSES, CRS, BOX).get_labels()
