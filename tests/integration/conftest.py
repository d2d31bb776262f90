"""A pipeline config file over tiny scenes, as a user would write it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rastervision.pipeline.cli import main

HUBCONF = """
def net():
    import torch
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 3, 1))
"""

CONFIG = """
from pathlib import Path

from rastervision.core.backend import *
from rastervision.core.data import *
from rastervision.core.rv_pipeline import *
from rastervision.pytorch_backend import *
from rastervision.pytorch_learner import *

HERE = Path(__file__).parent


def scene(name, channel_order, aoi):
    return SceneConfig(
        id=name,
        raster_source=RasterioSourceConfig(
            uris=str(HERE / f'{name}.tif'), channel_order=channel_order,
            transformers=[StatsTransformerConfig()]),
        label_source=SemanticSegmentationLabelSourceConfig(
            raster_source=RasterizedSourceConfig(
                vector_source=GeoJSONVectorSourceConfig(
                    uris=str(HERE / f'{name}.geojson'),
                    transformers=[ClassInferenceTransformerConfig(default_class_id=0)]),
                rasterizer_config=RasterizerConfig(background_class_id=1))),
        label_store=SemanticSegmentationLabelStoreConfig(
            smooth_output=True, vector_output=[PolygonVectorOutputConfig(class_id=0)]),
        aoi_uris=[aoi] if aoi else None)


def get_config(runner, root_uri: str, from_chips: bool = False, built_in: bool = False,
               channel_order: list[int] = [0, 1, 2], aoi: str = '', chip_sz: int = 32,
               padding: int | None = None, null_class: str | None = None):
    dataset = DatasetConfig(
        class_config=ClassConfig(names=['building', 'ground'], colors=['red', 'black'],
                                 null_class=null_class),
        train_scenes=[scene('a', channel_order, aoi)],
        validation_scenes=[scene('b', channel_order, '')])
    sampling = WindowSamplingConfig(size=chip_sz, stride=chip_sz, padding=padding)
    common = dict(num_workers=0, img_sz=32)
    if from_chips:
        data = SemanticSegmentationImageDataConfig(**common)
    else:
        data = SemanticSegmentationGeoDataConfig(
            scene_dataset=dataset, sampling=sampling, **common)
    if built_in:
        model = SemanticSegmentationModelConfig(
            architecture='unet', encoder='mobilenetv3_small_050', pretrained=False)
    else:
        model = SemanticSegmentationModelConfig(external_def=ExternalModuleConfig(
            uri=str(HERE / 'net'), name='net', entrypoint='net'))
    return SemanticSegmentationConfig(
        root_uri=root_uri,
        dataset=dataset,
        backend=PyTorchSemanticSegmentationConfig(
            data=data, model=model, solver=SolverConfig(num_epochs=1, batch_sz=4, lr=1e-2),
            log_tensorboard=False),
        chip_options=SemanticSegmentationChipOptions(sampling=sampling),
        predict_options=SemanticSegmentationPredictOptions(
            chip_sz=32, stride=16, crop_sz=4, blend='hann'))
"""


@pytest.fixture
def project(tmp_path: Path, make_scene: Callable[..., object]) -> Path:
    """A folder with two scenes (a and b), the code of a model and config.py."""
    make_scene('a', 1)
    make_scene('b', 2)
    (tmp_path / 'net').mkdir()
    (tmp_path / 'net' / 'hubconf.py').write_text(HUBCONF)
    (tmp_path / 'config.py').write_text(CONFIG)
    return tmp_path


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Return a function that runs the command line in this process."""

    def run(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        assert result.exit_code == code, result.output
        return result

    return run
