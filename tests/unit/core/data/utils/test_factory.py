from pathlib import Path

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    BufferTransformerConfig,
    ClassConfig,
    ClassInferenceTransformer,
    MinMaxTransformer,
)
from rastervision.core.data.utils.factory import (
    make_cc_scene,
    make_cr_scene,
    make_od_scene,
    make_ss_scene,
)
from rastervision.pipeline.errors import ConfigError, DataError

PIXELS = np.random.default_rng(0).integers(1, 255, (3, 20, 30), dtype=np.uint8)
IDS = (np.arange(600).reshape(20, 30) % 2).astype(np.uint8)


@pytest.fixture
def classes():
    return ClassConfig(names=['a', 'b'])


@pytest.fixture
def image(write_tif):
    return write_tif('image.tif', PIXELS)


def test_an_image_alone(image) -> None:
    scene = make_ss_scene(Path(image), image_raster_source_kw={'channel_order': [1]})
    chip, label = scene[scene.extent]
    assert np.array_equal(chip[..., 0], PIXELS[1])
    assert label is None
    assert scene.id == image


def test_label_rasters(image, write_tif, classes) -> None:
    scene = make_ss_scene(
        image,
        label_raster_uri=write_tif('ids.tif', np.stack([IDS, IDS])),
        class_config=classes,
        label_raster_source_kw={'channel_order': [0]},
        image_raster_source_kw={'raster_transformers': [MinMaxTransformer()]},
        scene_id='s',
    )
    assert np.array_equal(scene[scene.extent][1], IDS)
    assert scene.id == 's'
    assert classes.null_class == 'null'


def test_label_polygons_and_areas_of_interest(image, write_geojson, box_ring, classes) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 6, 9)], crs='EPSG:32633')
    aoi = write_geojson('aoi.json', [box_ring(0, 0, 10, 10)], crs='EPSG:32633')
    kw = {'class_config': classes, 'label_vector_uri': uri, 'label_vector_default_class_id': 1}
    scene = make_ss_scene(image, aoi_uri=aoi, **kw)
    expected = np.full((20, 30), 2)
    expected[2:6, 3:9] = 1
    assert np.array_equal(scene.label_source.get_label_arr(), expected)
    assert len(scene.aoi_polygons) == 1
    scene = make_ss_scene(image, label_raster_source_kw={'background_class_id': 0}, **kw)
    assert np.array_equal(scene.label_source.get_label_arr(), expected % 2)


def test_given_inference_is_kept(image, write_geojson, box_ring, classes) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 6, 9)], crs='EPSG:32633')
    scene = make_ss_scene(
        image,
        class_config=classes,
        label_vector_uri=uri,
        label_vector_source_kw={'vector_transformers': [ClassInferenceTransformer(0)]},
    )
    assert (scene.label_source.get_label_arr() == 0).sum() == 24


def test_contradictions_are_refused(image, write_tif, write_geojson, classes) -> None:
    ids, labels = write_tif('ids.tif', IDS), write_geojson('labels.json', [])
    with pytest.raises(ConfigError, match='needs class_config'):
        make_ss_scene(image, label_raster_uri=ids)
    with pytest.raises(ConfigError, match='not both'):
        make_ss_scene(image, ids, classes, labels)
    with pytest.raises(DataError, match=r'labels\.json touches the image'):
        make_ss_scene(image, aoi_uri=[labels])


def test_a_scene_of_cells(image, write_geojson, box_ring, classes) -> None:
    uri = write_geojson('labels.json', [box_ring(0, 0, 6, 6)], crs='EPSG:32633')
    options = {'infer_cells': True, 'cell_sz': 6, 'background_class_id': 1}
    scene = make_cc_scene(
        image, uri, classes, label_vector_default_class_id=0, label_source_kw=options
    )
    assert scene.label_source[Box(0, 0, 6, 6)] == 0
    assert scene.label_source[Box(6, 6, 12, 12)] == 1


def test_a_scene_of_boxes(image, write_geojson, box_ring, classes) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 6, 9)], crs='EPSG:32633')
    scene = make_od_scene(
        image,
        uri,
        classes,
        label_vector_default_class_id=0,
        label_vector_source_kw={'transformers': [BufferTransformerConfig(geom_type='Polygon')]},
    )
    boxes, class_ids, form = scene.label_source[scene.extent]
    assert boxes.tolist() == [[1, 2, 7, 10]]
    assert class_ids.tolist() == [0]
    assert form == 'yxyx'


def test_a_scene_of_values(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(0, 0, 6, 6)], {'height': 2.5}, crs='EPSG:32633')
    scene = make_cr_scene(image, uri, ClassConfig(names=['height']))
    assert scene.label_source[Box(0, 0, 3, 3)].tolist() == [2.5]


@pytest.mark.parametrize('make', [make_cc_scene, make_od_scene, make_cr_scene])
def test_a_scene_of_an_image_alone(make, image, write_geojson) -> None:
    scene = make(image, scene_id='one')
    assert scene.id == 'one'
    assert scene.label_source is None
    with pytest.raises(ConfigError, match='needs class_config'):
        make(image, write_geojson('labels.json', []))
