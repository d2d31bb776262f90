"""A pipeline whose model needs no torch and notices its batches; a config file for the runners."""

import os
import signal
import zlib
from pathlib import Path

import numpy as np

from rastervision.core.backend import Backend, BackendConfig, SampleWriter
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    PolygonVectorOutputConfig,
    RasterioSourceConfig,
    RasterizedSourceConfig,
    RasterizerConfig,
    SceneConfig,
    SemanticSegmentationLabelSourceConfig,
    SemanticSegmentationLabelStoreConfig,
    StatsTransformerConfig,
)
from rastervision.core.prediction import ScoreTile
from rastervision.core.rv_pipeline import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
)
from rastervision.pipeline.config import register_config


class ListWriter(SampleWriter):
    """Forgets its samples."""

    def write_sample(self, sample):
        pass

    def __exit__(self, *exc):
        pass


class BatchBackend(Backend):
    """Scores by brightness, a little changed by what else is in the batch, as rounding would do.

    Windows are counted in the file `windows.txt` of the root.
    """

    def __init__(self, config, pipeline):
        self.config = config
        self.log = Path(pipeline.root_uri, 'windows.txt')

    def get_sample_writer(self):
        return ListWriter()

    def train(self, source_bundle_uri=None):
        pass

    def load_model(self, uri=None, *, trust_code=False):
        pass

    def predict_scene(self, scene, predict_options):
        raise AssertionError('this backend has a stream')

    def model_digest(self, uri=None):
        return self.config.weights

    def predict_windows(self, scene, windows, predict_options):
        return self._predict(scene, windows, predict_options.batch_sz)

    def _predict(self, scene, windows, batch_sz):
        for start in range(0, len(windows), batch_sz):
            batch = [windows[i] for i in range(start, min(start + batch_sz, len(windows)))]
            noise = np.float32(zlib.crc32(str(batch).encode()) / 2**32 / 10)
            for window in batch:
                self._count()
                chip = scene.raster_source.read(window)
                building = np.clip(chip.pixels.mean(axis=-1, dtype=np.float32) / 255, 0, 1)
                scores = np.stack([building, 1 - building, 0 * building]) + noise
                yield ScoreTile(window, scores, chip.valid)

    def _count(self):
        with self.log.open('a') as file:
            file.write('window\n')
        if len(self.log.read_text().splitlines()) == self.config.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


@register_config('batch_backend')
class BatchBackendConfig(BackendConfig):
    """Configure the model."""

    weights: str = 'one'
    kill_at: int = 0

    def build(self, pipeline, tmp_dir):
        return BatchBackend(self, pipeline)


def scene(folder, name):
    source = RasterizedSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(
            uris=str(folder / f'{name}.geojson'),
            transformers=[ClassInferenceTransformerConfig(default_class_id=0)],
        ),
        rasterizer_config=RasterizerConfig(background_class_id=1),
    )
    return SceneConfig(
        id=name,
        raster_source=RasterioSourceConfig(
            uris=str(folder / f'{name}.tif'), transformers=[StatsTransformerConfig()]
        ),
        label_source=SemanticSegmentationLabelSourceConfig(raster_source=source),
        label_store=SemanticSegmentationLabelStoreConfig(
            smooth_output=True,
            vector_output=[PolygonVectorOutputConfig(class_id=0)],
            rasterio_block_size=16,
        ),
    )


def get_config(runner, folder: str, root_uri: str, kill_at: int = 0):
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building', 'ground'], colors=['red', 'black']),
        train_scenes=[scene(Path(folder), 'a')],
        validation_scenes=[scene(Path(folder), 'tall'), scene(Path(folder), 'b')],
    )
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=BatchBackendConfig(kill_at=kill_at),
        chip_options=SemanticSegmentationChipOptions(sampling=WindowSamplingConfig(size=32)),
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=32, stride=16, crop_sz=4, batch_sz=7, blend='hann'
        ),
    )
