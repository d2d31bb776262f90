"""Which engine predicts."""

import pytest
import torch

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.inference import engine as engine_module
from rastervision.pytorch_learner.inference.engine import (
    FASTEST_FIRST,
    choose_engine,
)

CPU, GPU = torch.device('cpu'), torch.device('cuda')


@pytest.mark.parametrize(
    ('wanted', 'has_onnx', 'device', 'precision', 'chosen'),
    [
        ('auto', True, CPU, 'float32', 'onnxruntime'),
        ('auto', False, CPU, 'float32', 'torch'),
        ('auto', True, GPU, 'float32', 'torch'),
        ('auto', True, CPU, 'bfloat16', 'torch'),
        ('torch', True, CPU, 'float32', 'torch'),
        ('openvino', True, CPU, 'float32', 'openvino'),
        ('onnxruntime', True, GPU, 'float32', 'onnxruntime'),
    ],
)
def test_the_choice_depends_on_facts_only(monkeypatch, wanted, has_onnx, device, precision, chosen):
    monkeypatch.setattr(engine_module, 'find_spec', lambda name: name)
    choices = {
        choose_engine(wanted, has_onnx=has_onnx, device=device, precision=precision)
        for _ in range(3)
    }
    assert choices == {chosen}


def test_auto_takes_the_fastest_that_is_installed(monkeypatch):
    for installed, chosen in [(FASTEST_FIRST, FASTEST_FIRST[0]), (['openvino'], 'openvino')]:
        monkeypatch.setattr(engine_module, 'find_spec', lambda name, has=installed: name in has)
        assert choose_engine('auto', has_onnx=True, device=CPU) == chosen
    monkeypatch.setattr(engine_module, 'find_spec', lambda _: None)
    assert choose_engine('auto', has_onnx=True, device=CPU) == 'torch'


def test_an_engine_that_cannot_run_the_model_is_an_error(monkeypatch):
    monkeypatch.setattr(engine_module, 'find_spec', lambda name: name)
    with pytest.raises(ConfigError, match=r'onnxruntime.*as ONNX'):
        choose_engine('onnxruntime', has_onnx=False, device=CPU)
    with pytest.raises(ConfigError, match=r"precision='bfloat16'.*engine='torch'"):
        choose_engine('openvino', has_onnx=True, device=CPU, precision='bfloat16')
    with pytest.raises(ConfigError, match=r'tensorrt.*auto, torch, onnxruntime, openvino'):
        choose_engine('tensorrt', has_onnx=True, device=CPU)
    monkeypatch.setattr(engine_module, 'find_spec', lambda _: None)
    with pytest.raises(ConfigError, match=r'rastervision\[openvino\]'):
        choose_engine('openvino', has_onnx=True, device=CPU)
