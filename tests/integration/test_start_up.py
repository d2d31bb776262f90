"""What each command loads: a process that neither trains nor predicts starts without PyTorch."""

import subprocess
import sys

import pytest

CODE = """
import sys
from rastervision.pipeline.cli import main
main(sys.argv[2:], standalone_mode=False)
loaded = set(sys.argv[1].split(',')) & set(sys.modules)
assert not loaded, loaded
"""
LEARNING = 'torch,albumentations,cv2,matplotlib,tensorboard'
NOT_EVEN_FOR_TRAINING = (
    'torch._dynamo,torchvision,lightning,torchmetrics,albumentations,timm,tensorboard,'
    'segmentation_models_pytorch,matplotlib.pyplot'
)


def run(project, unwanted, runner, *commands):
    """Run commands in a new process, in which `unwanted` modules must not be loaded."""
    args = [project / 'config.py', *commands, '-a', 'root_uri', project / 'root']
    args += ['-a', 'from_chips', 'true']
    done = subprocess.run(
        [sys.executable, '-c', CODE, unwanted, 'run', runner, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_dry_run_does_not_load_pytorch(project):
    run(project, LEARNING, 'inprocess', '--dry-run')


@pytest.mark.slow  # processes of their own, one of which loads torch
def test_commands_load_pytorch_only_to_train_and_predict(project):
    run(project, LEARNING, 'inprocess', 'analyze', 'chip')
    run(project, NOT_EVEN_FOR_TRAINING, 'inprocess', 'train', 'predict')
    run(project, LEARNING, 'inprocess', 'eval', 'bundle')


@pytest.mark.slow  # worker processes, which load torch
def test_what_starts_the_workers_does_not_load_pytorch(project):
    run(project, LEARNING, 'local')
