"""Tiny scenes with buildings, for tests of whole pipelines."""

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, settings

from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    RasterioSourceConfig,
    RasterizedSourceConfig,
    RasterizerConfig,
    SceneConfig,
    SemanticSegmentationLabelSourceConfig,
    StatsTransformerConfig,
)

pytest_plugins = ['scripted', 'disks', 'faulty_proxy', 'servers', 'watched_proxy']

# A shell without job control ignores Ctrl-C in what it starts in the background, and so would every
# process that a test starts to try it on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How busy the machine is says nothing about a law.
settings.register_profile('ours', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('ours')

WEST, NORTH, PIXEL = 8.0, 47.0, 0.0001
BUILDING, GROUND = 200, 60


@dataclass(frozen=True)
class SceneFiles:
    """Where a scene lies, and which pixels of it are buildings."""

    id: str
    image: str
    labels: str
    truth: np.ndarray
    """(H, W) bool."""

    def config(self, *, stats: bool = True) -> SceneConfig:
        """Describe the scene: buildings are class 0, the rest class 1."""
        source = RasterizedSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(
                uris=self.labels,
                transformers=[ClassInferenceTransformerConfig(default_class_id=0)],
            ),
            rasterizer_config=RasterizerConfig(background_class_id=1),
        )
        return SceneConfig(
            id=self.id,
            raster_source=RasterioSourceConfig(
                uris=self.image,
                channel_order=[0, 1, 2],
                transformers=[StatsTransformerConfig()] if stats else [],
            ),
            label_source=SemanticSegmentationLabelSourceConfig(raster_source=source),
        )


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[..., SceneFiles]:
    """Return a function that writes an image with bright rectangles and their outlines."""

    def make(scene_id: str, seed: int = 0, size: tuple[int, int] = (70, 90)) -> SceneFiles:
        rng = np.random.default_rng(seed)
        height, width = size
        truth = np.zeros(size, dtype=bool)
        features = []
        for _ in range(6):
            y, x = int(rng.integers(0, height - 12)), int(rng.integers(0, width - 12))
            h, w = (int(v) for v in rng.integers(6, 12, 2))
            truth[y : y + h, x : x + w] = True
            corners = [(y, x), (y, x + w), (y + h, x + w), (y + h, x), (y, x)]
            ring = [[WEST + cx * PIXEL, NORTH - cy * PIXEL] for cy, cx in corners]
            geometry = {'type': 'Polygon', 'coordinates': [ring]}
            features.append({'type': 'Feature', 'properties': {}, 'geometry': geometry})
        pixels = np.where(truth, BUILDING, GROUND) + rng.integers(-20, 20, (3, *size))
        image, labels = tmp_path / f'{scene_id}.tif', tmp_path / f'{scene_id}.geojson'
        transform = Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH)
        with rasterio.open(
            image, 'w', 'GTiff', width, height, 3, 'EPSG:4326', transform, 'uint8'
        ) as dataset:
            dataset.write(pixels.astype(np.uint8))
        labels.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
        return SceneFiles(scene_id, str(image), str(labels), truth)

    return make


@pytest.fixture
def dataset(make_scene: Callable[..., SceneFiles]) -> DatasetConfig:
    """Two train scenes, a validation scene and a test scene without labels."""
    test = make_scene('test', 4).config()
    test.label_source = None
    return DatasetConfig(
        class_config=ClassConfig(names=['building', 'ground'], colors=['red', 'black']),
        train_scenes=[make_scene('train 1', 1).config(), make_scene('train 2', 2).config()],
        validation_scenes=[make_scene('val', 3).config()],
        test_scenes=[test],
    )
