"""The pipeline of the checks in checks.py: one test scene, a model with random weights."""

from pathlib import Path

from rastervision.core.data import (
    ClassConfig,
    DatasetConfig,
    RasterioSourceConfig,
    SceneConfig,
    SemanticSegmentationLabelStoreConfig,
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
    ExternalModuleConfig,
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

NUM_CLASSES = 7


def get_config(runner, root, image, model, chip=512, stride=448, crop=0, blend='hann', scores=''):
    """Predict one image; `scores` is '', 'uint8' or 'float32'."""
    models = ExternalModuleConfig(
        uri=str(Path(__file__).resolve().parent / 'check_models'),
        name='check_models',
        entrypoint=model,
        entrypoint_args=[NUM_CLASSES],
    )
    names = [f'class {i}' for i in range(NUM_CLASSES)]
    scene = SceneConfig(
        id='scene',
        raster_source=RasterioSourceConfig(uris=image, channel_order=[0, 1, 2]),
        label_store=SemanticSegmentationLabelStoreConfig(
            smooth_output=bool(scores), smooth_as_uint8=scores == 'uint8'
        ),
    )
    return SemanticSegmentationConfig(
        root_uri=root,
        dataset=DatasetConfig(
            class_config=ClassConfig(names=names, null_class=names[0]),
            train_scenes=[],
            validation_scenes=[],
            test_scenes=[scene],
        ),
        backend=PyTorchSemanticSegmentationConfig(
            data=SemanticSegmentationImageDataConfig(num_workers=0, img_channels=3),
            model=SemanticSegmentationModelConfig(external_def=models),
            solver=SolverConfig(batch_sz=4),
            log_tensorboard=False,
        ),
        chip_options=SemanticSegmentationChipOptions(
            sampling=WindowSamplingConfig(method=WindowSamplingMethod.sliding, size=chip)
        ),
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=int(chip), stride=int(stride), crop_sz=int(crop), batch_sz=4, blend=blend
        ),
    )
