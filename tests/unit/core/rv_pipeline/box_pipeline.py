"""A pipeline whose results are boxes, for tests."""

import json
import zlib
from typing import ClassVar

import numpy as np
import rasterio
from affine import Affine
from pydantic import Field
from scipy import ndimage

from rastervision.core.backend import Backend, BackendConfig, SampleWriter
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSourceConfig,
    RasterioSourceConfig,
    SceneConfig,
)
from rastervision.core.prediction import WindowBoxes
from rastervision.core.rv_pipeline import (
    ObjectDetectionChipOptions,
    ObjectDetectionConfig,
    ObjectDetectionPredictOptions,
    ObjectDetectionWindowSamplingConfig,
)
from rastervision.pipeline.config import register_config

SIZE = (110, 130)
BOXES = [[4, 6, 14, 18], [30, 31, 44, 40], [33, 60, 45, 74], [60, 90, 70, 100], [95, 110, 108, 122]]


class ListWriter(SampleWriter):
    """Keeps samples in the list of its backend's class."""

    def write_sample(self, sample):
        BrightBackend.samples.append(sample)

    def __exit__(self, *exc):
        pass


class BrightBackend(Backend):
    """Finds bright parts of a window; surer of those that are cut, and a little of the batch."""

    samples: ClassVar[list] = []

    def __init__(self, config):
        self.config = config

    def get_sample_writer(self):
        return ListWriter()

    def train(self, source_bundle_uri=None):
        pass

    def load_model(self, uri=None, *, trust_code=False):
        pass

    def model_digest(self, uri=None):
        return 'bright'

    def predict_scene(self, scene, predict_options):
        raise AssertionError('this backend has a stream')

    def predict_windows(self, scene, windows, predict_options):
        size = predict_options.batch_sz
        for start in range(0, len(windows), size):
            batch = [windows[i] for i in range(start, min(start + size, len(windows)))]
            noise = zlib.crc32(str(batch).encode()) / 2**32 / 10
            for window in batch:
                chip = scene.raster_source.read(window)
                parts, _ = ndimage.label(chip.pixels[..., 0] > 100)
                found = ndimage.find_objects(parts)
                boxes = np.array(
                    [[y.start, x.start, y.stop, x.stop] for y, x in found], dtype=np.float32
                ).reshape(-1, 4)
                area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
                scores = (0.6 + 1 / (area + 9) + noise).astype(np.float32)
                valid = bool(chip.valid.any())
                yield WindowBoxes(window, boxes, np.zeros(len(boxes), np.int64), scores, valid)


@register_config('bright_backend')
class BrightBackendConfig(BackendConfig):
    """Configure nothing much."""

    name: str = Field('bright', description='Name.')

    def build(self, pipeline, tmp_dir):
        return BrightBackend(self)


def bright_boxes(tmp_path):
    """A scene with bright boxes, and the outlines of them."""
    pixels = np.full((1, *SIZE), 50, dtype=np.uint8)
    features = []
    for y0, x0, y1, x1 in BOXES:
        pixels[:, y0:y1, x0:x1] = 200
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        ring = [[5e5 + x, 5e6 - y] for x, y in corners]
        geometry = {'type': 'Polygon', 'coordinates': [ring]}
        features.append({'type': 'Feature', 'geometry': geometry, 'properties': {}})
    crs = {'type': 'name', 'properties': {'name': 'EPSG:32633'}}
    collection = {'type': 'FeatureCollection', 'crs': crs, 'features': features}
    (tmp_path / 'labels.json').write_text(json.dumps(collection))
    transform = Affine(1, 0, 5e5, 0, -1, 5e6)
    height, width = SIZE
    with rasterio.open(
        tmp_path / 'image.tif', 'w', 'GTiff', width, height, 1, 'EPSG:32633', transform, 'uint8'
    ) as dataset:
        dataset.write(pixels)
    vectors = GeoJSONVectorSourceConfig(
        uris=str(tmp_path / 'labels.json'),
        transformers=[ClassInferenceTransformerConfig(default_class_id=0)],
    )
    return SceneConfig(
        id='s',
        raster_source=RasterioSourceConfig(uris=str(tmp_path / 'image.tif')),
        label_source=ObjectDetectionLabelSourceConfig(vector_source=vectors),
    )


def pipelines_of_boxes(tmp_path):
    """Return a function that makes a pipeline over the scene, below a root of its own."""
    scene = bright_boxes(tmp_path)
    (tmp_path / 'tmp').mkdir()

    def make(name='root', sampling=None, **options):
        validation = scene.copy()
        validation.id = 'v'
        config = ObjectDetectionConfig(
            root_uri=str(tmp_path / name),
            dataset=DatasetConfig(
                class_config=ClassConfig(names=['box', 'other']),
                train_scenes=[scene.copy()],
                validation_scenes=[validation],
            ),
            backend=BrightBackendConfig(),
            chip_options=ObjectDetectionChipOptions(
                sampling=sampling or ObjectDetectionWindowSamplingConfig(size=40)
            ),
            predict_options=ObjectDetectionPredictOptions(chip_sz=40, batch_sz=3, **options),
        )
        config.update()
        config.recursive_validate_config()
        return config.build(str(tmp_path / 'tmp'))

    return make
