"""Attributes that objects of release 0.31 had beside their methods."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabels,
    ClassConfig,
    MultiRasterSource,
    ObjectDetectionLabels,
    RasterioSource,
    SemanticSegmentationDiscreteLabels,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.utils import make_cc_scene, make_od_scene, make_ss_scene

NAMES = json.loads(Path(__file__).with_name('data').joinpath('attributes-0.31.json').read_text())
SQUARE = [[2, 14], [6, 14], [6, 18], [2, 18], [2, 14]]
EXTENT = Box(0, 0, 4, 6)


@pytest.fixture(scope='module')
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp('attributes')
    image, labels = str(folder / 'image.tif'), folder / 'labels.json'
    profile = {'driver': 'GTiff', 'count': 3, 'height': 20, 'width': 20, 'dtype': 'uint8'}
    transform = Affine(1, 0, 0, 0, -1, 20)
    with rasterio.open(image, 'w', crs='EPSG:4326', transform=transform, **profile) as ds:
        ds.write(np.full((3, 20, 20), 7, np.uint8))
    polygon = {'type': 'Polygon', 'coordinates': [SQUARE]}
    feature = {'type': 'Feature', 'properties': {}, 'geometry': polygon}
    labels.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    options = {
        'class_config': ClassConfig(names=['a', 'b']),
        'image_uri': image,
        'label_vector_uri': str(labels),
        'label_vector_default_class_id': 0,
    }
    cells = {'background_class_id': 1, 'infer_cells': True, 'cell_sz': 10, 'ioa_thresh': 0.1}
    source = RasterioSource(image, channel_order=[2, 0])
    return {
        'box': EXTENT,
        'labels_cc': ChipClassificationLabels({EXTENT: (1, None)}),
        'labels_od': ObjectDetectionLabels.make_empty(),
        'labels_smooth': SemanticSegmentationSmoothLabels(EXTENT, 2),
        'labels_discrete': SemanticSegmentationDiscreteLabels(EXTENT, 2),
        'label_source_cc': make_cc_scene(**options, label_source_kw=cells).label_source,
        'label_source_od': make_od_scene(**options).label_source,
        'rasterized_source': make_ss_scene(**options).label_source.raster_source,
        'rasterio_source': source,
        'multi_raster_source': MultiRasterSource([source, source], primary_source_idx=1),
    }


@pytest.mark.parametrize('kind', NAMES)
def test_objects_have_what_they_had(objects, kind):
    assert [name for name in NAMES[kind] if not hasattr(objects[kind], name)] == []


def test_labels_as_arrays():
    smooth = SemanticSegmentationSmoothLabels(EXTENT, 2)
    smooth.add_window(EXTENT, np.full((2, 4, 6), 0.5))
    smooth.add_window(Box(0, 0, 2, 2), np.full((2, 2, 2), 0.25))
    assert smooth.pixel_scores[:, 0, 0].tolist() == [0.75, 0.75]
    assert smooth.pixel_hits[[0, 3], [0, 5]].tolist() == [2, 1]
    discrete = SemanticSegmentationDiscreteLabels(EXTENT, 2)
    discrete.add_window(Box(0, 0, 2, 2), np.ones((2, 2), dtype=int))
    assert discrete.pixel_counts.sum(axis=(1, 2)).tolist() == [0, 4]
    assert np.argwhere(discrete.hit_mask).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert (discrete.height, discrete.width) == discrete.hit_mask.shape == (4, 6)


def test_what_sources_read(objects):
    source = objects['rasterio_source']
    assert source.bands_to_read.tolist() == [3, 1]
    assert source.imagery_path == source.uris[0]
    assert objects['multi_raster_source'].non_primary_sources == [source]
    assert objects['rasterized_source'].df['class_id'].tolist() == [0]
    assert objects['label_source_cc'].labels_df['class_id'].tolist() == [0]
    assert objects['label_source_od'].labels.get_npboxes().tolist() == [[2, 2, 6, 6]]
