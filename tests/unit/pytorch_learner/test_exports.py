import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = [
    'rastervision.pytorch_learner',
    'rastervision.pytorch_learner.dataset',
    'rastervision.pytorch_learner.dataset.visualizer',
    'rastervision.pytorch_learner.utils',
]
HEAVY = {'torch', 'albumentations', 'cv2', 'geopandas', 'matplotlib', 'scipy'}


@pytest.mark.parametrize('package', PACKAGES)
def test_every_exported_name_exists(package):
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    for name in dir(module):
        assert getattr(module, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match='NoSuchThing'):
        import_module(PACKAGES[0]).NoSuchThing  # noqa: B018  the access is the test


def test_import_star_in_a_config_file_leaves_out_the_heavy_libraries():
    code = (
        'import sys\n'
        'from rastervision.core.rv_pipeline import *\n'
        'from rastervision.core.backend import *\n'
        'from rastervision.core.data import *\n'
        'from rastervision.pytorch_backend import *\n'
        'from rastervision.pytorch_learner import *\n'
        'SemanticSegmentationConfig, SemanticSegmentationModelConfig, SolverConfig\n'
        f'assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_configs_import_without_the_heavy_libraries():
    code = (
        'import sys\n'
        'from rastervision.pytorch_learner import (ExternalModuleConfig, PlotOptions, SolverConfig,'
        ' SemanticSegmentationGeoDataConfig, SemanticSegmentationImageDataConfig,'
        ' SemanticSegmentationLearnerConfig, SemanticSegmentationModelConfig)\n'
        'cfg = SemanticSegmentationLearnerConfig(data=SemanticSegmentationImageDataConfig(),'
        ' model=SemanticSegmentationModelConfig(), solver=SolverConfig())\n'
        'cfg.update(); cfg.recursive_validate_config(); cfg.to_dict()\n'
        f'assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
