import json

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, box

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSource,
    RasterioSource,
    RasterioSourceConfig,
    RasterizedSourceConfig,
    RasterizerConfig,
    Scene,
    SceneConfig,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelSourceConfig,
    TemporalMultiRasterSource,
)
from rastervision.core.data.scene import scene_config_upgrader
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError, RVError

CLASSES = ClassConfig(names=['a', 'b', 'null'])
PIXELS = np.random.default_rng(0).integers(1, 255, (3, 20, 30), dtype=np.uint8)
IDS = (np.arange(600).reshape(20, 30) % 2).astype(np.uint8)


@pytest.fixture
def image(write_tif):
    return RasterioSource(write_tif('image.tif', PIXELS))


@pytest.fixture
def polygons(write_geojson, box_ring):
    """Config of labels with one polygon: rows 2 to 5, columns 3 to 8."""
    uri = write_geojson('labels.json', [box_ring(2, 3, 6, 9)], crs='EPSG:32633')
    return SemanticSegmentationLabelSourceConfig(
        raster_source=RasterizedSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(
                uris=uri, transformers=[ClassInferenceTransformerConfig(default_class_id=0)]
            ),
            rasterizer_config=RasterizerConfig(background_class_id=1),
        )
    )


def test_indexing_gives_chip_and_label(image, write_tif) -> None:
    labels = SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', IDS)), CLASSES)
    scene = Scene('s', image, labels)
    for key in (Box(2, 3, 10, 12), np.s_[2:10, 3:12]):
        chip, label = scene[key]
        assert np.array_equal(chip, PIXELS[:, 2:10, 3:12].transpose(1, 2, 0))
        assert np.array_equal(label, IDS[2:10, 3:12])
    chip, label = scene[2:10:2, 3:12:3]
    assert chip.shape[:2] == label.shape == (4, 3)


TIMES = np.stack([PIXELS, PIXELS + 1, PIXELS // 2]).transpose(0, 2, 3, 1)


@pytest.mark.parametrize(
    ('times', 'key', 'ground'),
    [
        (False, np.s_[2:10, 3:12, :2], np.s_[2:10, 3:12]),
        (False, np.s_[2:10, ..., np.array([2, 0])], np.s_[2:10, :]),
        (True, np.s_[0:2, :10], np.s_[:10, :]),
        (True, np.s_[:, 0:10, 20:30], np.s_[0:10, 20:30]),
        (True, np.s_[1, 5:, 4:8, 2], np.s_[5:, 4:8]),
        (True, np.s_[..., 3:12, :], np.s_[:, 3:12]),
    ],
)
def test_labels_are_of_the_rows_and_columns_of_the_image(write_tif, times, key, ground) -> None:
    labels = SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', IDS)), CLASSES)
    pixels = TIMES if times else TIMES[0]
    sources = [
        RasterioSource(write_tif(f'{i}.tif', array.transpose(2, 0, 1)))
        for i, array in enumerate(TIMES)
    ]
    image = TemporalMultiRasterSource(sources) if times else sources[0]
    chip, label = Scene('s', image, labels)[key]
    assert np.array_equal(chip, pixels[key])
    assert np.array_equal(label, IDS[ground])


def test_boxes_are_of_the_rows_and_columns_of_the_image(image, write_geojson, box_ring) -> None:
    uri = write_geojson('boxes.json', [box_ring(2, 3, 6, 9)], crs='EPSG:32633')
    infer = [ClassInferenceTransformer(default_class_id=1)]
    vectors = GeoJSONVectorSource(uri, image.crs_transformer, infer)
    scene = Scene('s', image, ObjectDetectionLabelSource(vectors, bbox=image.bbox))
    _, (boxes, _, _) = scene[1:10, 2:20, :2]
    assert boxes.tolist() == [[1, 1, 5, 7]]


def test_reading_gives_pixels_without_data_the_null_class(write_tif) -> None:
    pixels = PIXELS.copy()
    pixels[:, 4:7, 5:9] = 0
    image = RasterioSource(write_tif('hole.tif', pixels, nodata=0))
    labels = SemanticSegmentationLabelSource(RasterioSource(write_tif('ids.tif', IDS)), CLASSES)
    chip, label = Scene('s', image, labels).read(Box(2, 3, 10, 12))
    assert np.array_equal(chip.pixels, pixels[:, 2:10, 3:12].transpose(1, 2, 0))
    assert np.array_equal(label[chip.valid], IDS[2:10, 3:12][chip.valid])
    assert (label[~chip.valid] == 2).all()
    assert (~chip.valid).sum() == 12
    assert Scene('s', image).read(Box(2, 3, 10, 12))[1] is None


def test_without_labels_there_is_no_label(image) -> None:
    _, label = Scene('s', image)[0:5, 0:5]
    assert label is None


def test_areas_of_interest_are_given_in_both_frames(write_tif) -> None:
    image = RasterioSource(write_tif('image.tif', PIXELS), bbox=Box(5, 6, 20, 30))
    inside, far = box(10, 8, 15, 12), box(100, 100, 110, 110)
    scene = Scene('s', image, aoi_polygons=[inside, far])
    assert scene.aoi_polygons == [inside]
    assert scene.aoi_polygons_bbox_coords[0].equals(box(4, 3, 9, 7))
    assert scene.bbox == Box(5, 6, 20, 30)
    assert scene.extent == Box(0, 0, 15, 24)


def test_areas_of_interest_must_be_polygons_in_the_image(image) -> None:
    with pytest.raises(DataError, match=r"scene 's' must be polygons.*LineString"):
        Scene('s', image, aoi_polygons=[LineString([(0, 0), (1, 1)])])
    with pytest.raises(DataError, match=r"scene 's' touches its image .*image\.tif"):
        Scene('s', image, aoi_polygons=[box(100, 100, 110, 110)])


# ---- config


def test_config_builds_everything(image, polygons, write_geojson, box_ring) -> None:
    aoi = write_geojson('aoi.json', [box_ring(0, 0, 10, 10)], crs='EPSG:32633')
    cfg = SceneConfig(
        id='s',
        raster_source=RasterioSourceConfig(uris=image.uris, channel_order=[2, 0]),
        label_source=polygons,
        aoi_uris=[aoi],
    )
    cfg.update()
    assert Config.from_dict(cfg.to_dict()) == cfg
    scene = cfg.build(CLASSES)
    chip, label = scene[0:10, 0:10]
    assert np.array_equal(chip, PIXELS[[2, 0], :10, :10].transpose(1, 2, 0))
    expected = np.ones((10, 10))
    expected[2:6, 3:9] = 0
    assert np.array_equal(label, expected)
    assert shapely.equals(scene.aoi_polygons[0], box(0, 0, 10, 10))


def test_the_bbox_of_the_image_holds_for_labels_and_areas(
    image, polygons, write_geojson, box_ring
) -> None:
    aoi = write_geojson('aoi.json', [box_ring(0, 0, 10, 10)], crs='EPSG:32633')
    scene = SceneConfig(
        id='s',
        raster_source=RasterioSourceConfig(uris=image.uris, bbox=(4, 5, 14, 15)),
        label_source=polygons,
        aoi_uris=[aoi],
    ).build(CLASSES)
    chip, label = scene[scene.extent]
    assert np.array_equal(chip, PIXELS[:, 4:14, 5:15].transpose(1, 2, 0))
    expected = np.ones((10, 10))
    expected[:2, :4] = 0
    assert np.array_equal(label, expected)
    assert shapely.equals(scene.aoi_polygons_bbox_coords[0], box(-5, -4, 5, 6))


def test_update_asks_the_pipeline_for_a_label_store(image) -> None:
    class Pipeline:
        asked = None

        def get_default_label_store(self, scene):
            self.asked = scene

    cfg = SceneConfig(id='s', raster_source=RasterioSourceConfig(uris=image.uris))
    pipeline = Pipeline()
    cfg.update(pipeline)
    assert pipeline.asked is cfg


def test_an_area_of_interest_that_misses_the_image_names_both(
    image, write_geojson, box_ring
) -> None:
    cfg = SceneConfig(id='s', raster_source=RasterioSourceConfig(uris=image.uris))
    for name, rings in (('far.json', [box_ring(50, 50, 60, 60)]), ('none.json', [])):
        cfg.aoi_uris = [write_geojson(name, rings, crs='EPSG:32633')]
        with pytest.raises(DataError, match=rf"{name} touches the image .*image\.tif of scene 's'"):
            cfg.build(CLASSES)


def one_feature(properties, x, y) -> str:
    ring = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y]]
    geometry = {'type': 'Polygon', 'coordinates': [ring]}
    return json.dumps({'type': 'Feature', 'properties': properties, 'geometry': geometry})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'labels.json'),
        ('', 'labels.json is empty'),
        ('{"type": "Topology"}', 'labels.json is not GeoJSON'),
        ('{"type": "FeatureCollection", "crs": "EPSG:0", "features": []}', 'PROJ does not know'),
        (
            one_feature({'class_name': 'z'}, 15, 45),
            "labels.json: 1 features are of the class 'z', but the classes are a, b, null",
        ),
        (one_feature({'class_id': 0}, 5, 5), 'do not overlap the image'),
    ],
)
def test_bad_label_files_are_named(image, polygons, tmp_path, content, message) -> None:
    path = tmp_path / 'labels.json'
    path.unlink()
    if content is not None:
        path.write_text(content)
    polygons.raster_source.vector_source.transformers = [ClassInferenceTransformerConfig()]
    cfg = SceneConfig(
        id='s', raster_source=RasterioSourceConfig(uris=image.uris), label_source=polygons
    )
    with pytest.raises(RVError) as e:
        cfg.build(CLASSES)
    assert message in str(e.value)
    assert 'labels.json' in str(e.value)


def test_old_area_geometries_are_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match=r"Scene 's' has aoi_geometries.*aoi_uris"):
        scene_config_upgrader({'id': 's', 'aoi_geometries': [{}]}, 4)
    assert scene_config_upgrader({'id': 's', 'aoi_geometries': None}, 4) == {'id': 's'}
