"""A chip that CHIP has written teaches what its window of the scene teaches."""

import json
import zipfile
from itertools import cycle, product

import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabelSourceConfig,
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSourceConfig,
    RasterioSourceConfig,
    RasterizedSourceConfig,
    RasterizerConfig,
    SceneConfig,
    SemanticSegmentationLabelSourceConfig,
)
from rastervision.core.rv_pipeline import ChipOptions, WindowSamplingConfig
from rastervision.core.rv_pipeline.chipping import scene_samples, write_samples
from rastervision.pytorch_backend import (
    PyTorchChipClassificationSampleWriter,
    PyTorchChipRegressionSampleWriter,
    PyTorchObjectDetectionSampleWriter,
    PyTorchSemanticSegmentationSampleWriter,
)
from rastervision.pytorch_learner import (
    ClassificationImageDataset,
    ClassificationSlidingWindowGeoDataset,
    ObjectDetectionImageDataset,
    ObjectDetectionSlidingWindowGeoDataset,
    RegressionImageDataset,
    RegressionSlidingWindowGeoDataset,
    SemanticSegmentationImageDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
)

SIZE = 16
EXTENT = Box(0, 0, 3 * SIZE, 7 * SIZE)
GRID = EXTENT.get_windows(SIZE, SIZE)
TRANSFORM = Affine(1e-4, 0, 8, 0, -1e-4, 47)


def vectors(tmp_path, boxes, rows):
    """Config of a file with rectangles in pixels and their properties."""
    features = []
    for box, properties in zip(boxes, rows, strict=True):
        corners = [TRANSFORM @ (x, y) for x, y in box.to_shapely().exterior.coords]
        geometry = {'type': 'Polygon', 'coordinates': [[list(xy) for xy in corners]]}
        features.append({'type': 'Feature', 'properties': properties, 'geometry': geometry})
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    return GeoJSONVectorSourceConfig(uris=str(path))


def values_of_cells(tmp_path, num_targets):
    names = ['v', 'w'][:num_targets]
    rows = cycle(product((0, -1, None, 1e-3), repeat=num_targets))
    rows = [dict(zip(names, row, strict=True)) for row, _ in zip(rows, GRID, strict=False)]
    source = ChipRegressionLabelSourceConfig(vector_source=vectors(tmp_path, GRID, rows))
    writer, windows = PyTorchChipRegressionSampleWriter, RegressionSlidingWindowGeoDataset
    return names, source, writer, windows, lambda d: RegressionImageDataset(d, names, **PLAIN)


def one_target(tmp_path):
    return values_of_cells(tmp_path, 1)


def two_targets(tmp_path):
    return values_of_cells(tmp_path, 2)


def classes_of_cells(tmp_path):
    names = ['a', 'b', 'c']
    rows = [{'class_id': i % 3} for i in range(len(GRID))]
    source = ChipClassificationLabelSourceConfig(vector_source=vectors(tmp_path, GRID, rows))
    writer, windows = PyTorchChipClassificationSampleWriter, ClassificationSlidingWindowGeoDataset
    return names, source, writer, windows, lambda d: ClassificationImageDataset(d, names, **PLAIN)


def some_boxes(tmp_path):
    boxes = [Box(y, x, y + 5, x + 9) for y, x in [(0, 0), (3, 30), (20, 14), (43, 80)]]
    rows = [{'class_id': i % 2} for i in range(4)]
    source = ObjectDetectionLabelSourceConfig(vector_source=vectors(tmp_path, boxes, rows))
    writer, windows = PyTorchObjectDetectionSampleWriter, ObjectDetectionSlidingWindowGeoDataset
    return (
        ['a', 'b'],
        source,
        writer,
        windows,
        lambda d: ObjectDetectionImageDataset(f'{d}/img', f'{d}/labels.json', **PLAIN),
    )


def class_of_each_pixel(tmp_path):
    boxes = [Box(y, x, y + 9, x + 9) for y, x in [(0, 0), (20, 14), (43, 80)]]
    raster_source = RasterizedSourceConfig(
        vector_source=vectors(tmp_path, boxes, [{'class_id': 1}] * 3),
        rasterizer_config=RasterizerConfig(background_class_id=0),
    )
    source = SemanticSegmentationLabelSourceConfig(raster_source=raster_source)
    writer = PyTorchSemanticSegmentationSampleWriter
    windows = SemanticSegmentationSlidingWindowGeoDataset
    return (
        ['a', 'b'],
        source,
        writer,
        windows,
        lambda d: SemanticSegmentationImageDataset(f'{d}/img', f'{d}/labels', **PLAIN),
    )


PLAIN = {'normalize': False}


def by_image(dataset):
    """What is taught about each image."""
    found = {}
    for i in range(len(dataset)):
        image, label = dataset[i]
        if hasattr(label, 'convert_boxes'):
            ids = label.get_field('class_ids').numpy()
            label = np.column_stack([label.convert_boxes('yxyx').numpy(), ids])
            label = label[np.lexsort(label.T)]
        found[image.numpy().tobytes()] = np.asarray(label, dtype=float)
    assert len(found) == len(dataset)
    return found


@pytest.mark.parametrize(
    'task', [one_target, two_targets, classes_of_cells, some_boxes, class_of_each_pixel]
)
def test_chips_and_windows_teach_the_same(tmp_path, task) -> None:
    names, label_source, writer_class, window_dataset, chip_dataset = task(tmp_path)
    classes = ClassConfig(names=names)
    if task is class_of_each_pixel:
        classes.ensure_null_class()
    rng = np.random.default_rng(0)
    path = str(tmp_path / 'image.tif')
    with rasterio.open(
        path, 'w', 'GTiff', EXTENT.width, EXTENT.height, 3, 'EPSG:4326', TRANSFORM, 'uint8'
    ) as image:
        image.write(rng.integers(0, 256, (3, *EXTENT.size), dtype=np.uint8))
    label_source.update()
    scene = SceneConfig(
        id='s', raster_source=RasterioSourceConfig(uris=path), label_source=label_source
    ).build(classes)

    options = ChipOptions(sampling=WindowSamplingConfig(size=SIZE, stride=SIZE))
    with writer_class(str(tmp_path / 'chips.zip'), classes, str(tmp_path)) as writer:
        write_samples(scene_samples(scene, 'train', options), writer, 'chips')
    with zipfile.ZipFile(tmp_path / 'chips.zip') as chips:
        chips.extractall(tmp_path / 'chips')

    taught = by_image(chip_dataset(str(tmp_path / 'chips' / 'train')))
    expected = by_image(window_dataset(scene, size=SIZE, stride=SIZE, **PLAIN))
    assert taught.keys() == expected.keys()
    assert len(taught) == len(GRID)
    for image, label in expected.items():
        np.testing.assert_array_equal(taught[image], label)
    assert len({label.tobytes() for label in taught.values()}) > 1
