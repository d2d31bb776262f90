"""Buildings in Las Vegas, from one SpaceNet image to train on and one to validate on.

    rastervision run local rastervision.pytorch_backend.examples.tiny_spacenet -a root_uri output

The images are read over the network. One epoch on ten chips shows how a pipeline is put together;
it does not make a good model. To use other images, give their URIs:

    ... -a train_image_uri a.tif -a train_label_uri a.geojson \
        -a val_image_uri b.tif -a val_label_uri b.geojson
"""

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
from rastervision.core.rv_pipeline import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_learner import (
    Backbone,
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

BASE = 'https://s3.amazonaws.com/azavea-research-public-data/raster-vision/examples/spacenet'


def make_scene(scene_id: str, image_uri: str, label_uri: str) -> SceneConfig:
    """Describe an image and its buildings.

    - The images are uint16; the statistics transformer scales them to uint8.
    - The labels are outlines without class ids: all are buildings, class 0. They are drawn as a
      raster whose background is class 1.
    """
    image = RasterioSourceConfig(
        uris=image_uri, channel_order=[0, 1, 2], transformers=[StatsTransformerConfig()]
    )
    outlines = GeoJSONVectorSourceConfig(
        uris=label_uri, transformers=[ClassInferenceTransformerConfig(default_class_id=0)]
    )
    labels = RasterizedSourceConfig(
        vector_source=outlines, rasterizer_config=RasterizerConfig(background_class_id=1)
    )
    return SceneConfig(
        id=scene_id,
        raster_source=image,
        label_source=SemanticSegmentationLabelSourceConfig(raster_source=labels),
    )


def get_config(
    runner: str,  # noqa: ARG001 - every get_config may ask for it
    root_uri: str = 'output',
    train_image_uri: str = f'{BASE}/RGB-PanSharpen_AOI_2_Vegas_img205.tif',
    train_label_uri: str = f'{BASE}/buildings_AOI_2_Vegas_img205.geojson',
    val_image_uri: str = f'{BASE}/RGB-PanSharpen_AOI_2_Vegas_img25.tif',
    val_label_uri: str = f'{BASE}/buildings_AOI_2_Vegas_img25.geojson',
    pretrained: bool = True,
) -> SemanticSegmentationConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        train_image_uri: Image to train on.
        train_label_uri: GeoJSON file with its buildings.
        val_image_uri: Image to validate on.
        val_label_uri: GeoJSON file with its buildings.
        pretrained: Start from ImageNet weights, which are downloaded.
    """
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building', 'background'], colors=['red', 'black']),
        train_scenes=[make_scene('scene_205', train_image_uri, train_label_uri)],
        validation_scenes=[make_scene('scene_25', val_image_uri, val_label_uri)],
    )
    chip_sz = 300
    backend = PyTorchSemanticSegmentationConfig(
        data=SemanticSegmentationImageDataConfig(num_workers=0),
        model=SemanticSegmentationModelConfig(backbone=Backbone.resnet50, pretrained=pretrained),
        solver=SolverConfig(lr=1e-4, num_epochs=1, batch_sz=2),
    )
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=backend,
        chip_options=SemanticSegmentationChipOptions(
            sampling=WindowSamplingConfig(
                method=WindowSamplingMethod.random, size=chip_sz, max_windows=10
            )
        ),
        predict_options=SemanticSegmentationPredictOptions(chip_sz=chip_sz),
    )
