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


STARS = """
from rastervision.core.rv_pipeline import *
from rastervision.core.backend import *
from rastervision.core.data import *
from rastervision.pytorch_backend import *
from rastervision.pytorch_learner import *
"""


def loaded_by_config(tmp_path, body):
    """What of the heavy libraries is loaded with a config file of these lines."""
    config = tmp_path / 'config.py'
    config.write_text(f'{STARS}\ndef get_config(runner):\n    {body}\n')
    code = (
        'import sys\n'
        'from rastervision.pipeline.config_file import load_configs\n'
        'from rastervision.pipeline.errors import ConfigError\n'
        'try:\n'
        f'    load_configs({str(config)!r}, "local")\n'
        'except ConfigError as error:\n'
        '    assert "get_config returned" in str(error), error\n'
        f'print(*({HEAVY} & set(sys.modules)))\n'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return set(done.stdout.split())


def test_import_star_in_a_config_file_loads_what_the_file_mentions(tmp_path):
    light = 'return SemanticSegmentationConfig, SemanticSegmentationModelConfig, SolverConfig'
    assert not loaded_by_config(tmp_path, light)
    assert 'torch' in loaded_by_config(tmp_path, 'return [Learner for _ in "a"]')


def test_import_star_anywhere_else_gives_every_name():
    names = {}
    exec(STARS, names)
    package = import_module(PACKAGES[0])
    assert set(package.__all__) <= set(names)
    assert names['Learner'] is package.Learner


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
    subprocess.run([sys.executable, '-c', code], check=True, timeout=120)
