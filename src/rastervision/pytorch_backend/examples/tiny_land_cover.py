"""Land cover in Slovenia, from three dates of Sentinel-2 that come with the package.

    rastervision run local rastervision.pytorch_backend.examples.tiny_land_cover \
        -a root_uri build/land_cover

takes a few minutes on two CPU cores and downloads nothing. It shows how the bands of several
dates become the channels of one image, and how a raster of labels whose ids have gaps is read.
"""

from pathlib import Path

from rastervision.core.data import (
    ClassConfig,
    DatasetConfig,
    MultiRasterSourceConfig,
    RasterioSourceConfig,
    ReclassTransformerConfig,
    SceneConfig,
    SemanticSegmentationLabelSourceConfig,
    StatsTransformerConfig,
)
from rastervision.core.rv_pipeline import (
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

DATA = Path(__file__).parent / 'data' / 'slovenia_s2'
DATES = ('20150711', '20150830', '20150909')
# class -> its value in lulc.tif
CLASSES = {
    'cultivated_land': 1,
    'forest': 2,
    'grassland': 3,
    'shrubland': 4,
    'artificial_surface': 8,
}
WINDOW = 32
"""Pixels of the windows in which scenes are read; the network sees them enlarged to IMG_SZ, since
it halves the resolution of what it sees and the features of a land cover may be a pixel wide."""
IMG_SZ = 96


def make_scene(split: str) -> SceneConfig:
    """Describe a scene.

    - Thirteen bands of uint16 for each date. Stacked, they are an image of 39 channels; each is
      scaled to uint8 by its own statistics.
    - The values of the labels are no class ids yet: these count from 0, without gaps. Pixels with
      the file's nodata value, 0, are of the null class, which is not trained on.
    """
    dates = [RasterioSourceConfig(uris=str(DATA / split / f's2_{date}.tif')) for date in DATES]
    labels = RasterioSourceConfig(
        uris=str(DATA / split / 'lulc.tif'),
        transformers=[
            ReclassTransformerConfig(mapping={value: i for i, value in enumerate(CLASSES.values())})
        ],
    )
    return SceneConfig(
        id=split,
        raster_source=MultiRasterSourceConfig(
            raster_sources=dates, transformers=[StatsTransformerConfig()]
        ),
        label_source=SemanticSegmentationLabelSourceConfig(raster_source=labels),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/land_cover',
    num_epochs: int = 10,
) -> SemanticSegmentationConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        num_epochs: How long to train.
    """
    dataset = DatasetConfig(
        class_config=ClassConfig(
            names=[*CLASSES, 'null'],
            colors=['yellow', 'darkgreen', 'lightgreen', 'olive', 'red', 'black'],
            null_class='null',
        ),
        train_scenes=[make_scene('train')],
        validation_scenes=[make_scene('val')],
    )
    backend = PyTorchSemanticSegmentationConfig(
        data=SemanticSegmentationGeoDataConfig(
            scene_dataset=dataset,
            sampling=WindowSamplingConfig(
                method=WindowSamplingMethod.random,
                size=IMG_SZ,
                size_lims=(24, WINDOW + 1),
                max_windows=100,
            ),
            img_sz=IMG_SZ,
            augmentors=['RandomRotate90', 'HorizontalFlip', 'VerticalFlip'],
            num_workers=0,
        ),
        model=SemanticSegmentationModelConfig(
            architecture='unet',
            encoder='resnet18',
            pretrained=False,
            extra_args={'encoder_depth': 3, 'decoder_channels': [64, 48, 32]},
        ),
        solver=SolverConfig(
            lr=1e-3,
            num_epochs=num_epochs,
            batch_sz=8,
            class_loss_weights=[1, 1, 1, 1.5, 2.5],
            seed=0,
        ),
    )
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=WINDOW, stride=WINDOW // 4, batch_sz=8, blend='hann', tta=True
        ),
    )
