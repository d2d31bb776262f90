"""Engines: what runs the model of a bundle, and that it says the same as PyTorch."""

import json
import shutil
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset
from unit.pytorch_learner.engine_models import Branch, Net, OneSize, images, onnx_file

from rastervision.core.bundle import write_bundle
from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner import (
    Learner,
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)
from rastervision.pytorch_learner.inference.engine import (
    ONNXRuntimeAdapter,
    OpenVINOAdapter,
)
from rastervision.pytorch_learner.inference.onnx_model import check_onnx_file, compare

SHAPES = [(2, 3, 64, 64), (1, 3, 64, 64), (3, 3, 41, 70)]


@pytest.fixture
def make_learner(tmp_path):
    def make(network=None, **kwargs):
        data = SemanticSegmentationGeoDataConfig(
            class_config=ClassConfig(names=['a', 'b']), img_channels=3, img_sz=64
        )
        cfg = SemanticSegmentationLearnerConfig(data=data, solver=SolverConfig(), **kwargs)
        chips = TensorDataset(images(2, 3, 64, 64), torch.zeros(2, 64, 64, dtype=torch.long))
        return SemanticSegmentationLearner(
            cfg, str(tmp_path / 'train'), train_ds=chips, model=network
        )

    return make


@pytest.fixture
def bundle(make_learner):
    """A bundle with a `Net` and its ONNX."""
    learner = make_learner(Net())
    learner.save_model_bundle()
    return str(learner.folder.bundle)


def load(bundle, network=None, **kwargs):
    """A learner that makes its network itself: with a `model`, it would use that."""

    class NetLearner(SemanticSegmentationLearner):
        def build_model(self, model_def_path=None):
            return network or Net()

    return NetLearner.from_model_bundle(bundle, **kwargs)


def rewrite(bundle, path, **changes):
    """Another bundle with other content for some members; None leaves one out."""
    names = {'onnx': 'model.onnx', 'record': 'onnx.json', 'weights': 'model.safetensors'}
    with zipfile.ZipFile(bundle) as zf:
        files = {n: zf.read(n) for n in zf.namelist() if n != 'manifest.json'}
    for key, content in changes.items():
        files[names[key]] = content
    write_bundle(str(path), {n: c for n, c in files.items() if c is not None})
    return str(path)


# --- agreement


@pytest.mark.parametrize(
    ('architecture', 'encoder', 'backbone'),
    [('unet', 'resnet18', 'resnet18'), ('deeplabv3', None, 'resnet50')],
)
def test_engines_agree_for_networks_of_the_libraries(make_learner, architecture, encoder, backbone):
    torch.manual_seed(0)
    model = SemanticSegmentationModelConfig(
        architecture=architecture, encoder=encoder, backbone=backbone, pretrained=False
    )
    learner = make_learner(model=model)
    learner.save_model_bundle()
    loaded = Learner.from_model_bundle(str(learner.folder.bundle))
    assert loaded.engine_name == 'onnxruntime'
    assert loaded.onnx.any_size
    for shape in SHAPES:
        x = images(*shape)
        expected = learner.predict(x, raw_out=True)
        assert loaded.predict(x, raw_out=True).shape == expected.shape
        assert (loaded.predict(x, raw_out=True) - expected).abs().max() <= 1e-4
    assert loaded._model is None  # PyTorch's weights were not even read


@pytest.mark.skipif(find_spec('openvino') is None, reason='no OpenVINO')
def test_openvino_agrees_and_tells_nobody_of_it(bundle):
    learner, expected = load(bundle), load(bundle, use_onnx_model=False)
    learner.use_engine('openvino')
    for shape in SHAPES:
        x = images(*shape)
        ours = learner.predict(x, raw_out=True)
        assert (ours - expected.predict(x, raw_out=True)).abs().max() <= 1e-4
    assert sys.modules['openvino_telemetry'] is None


def test_the_same_bundle_gives_the_same_bytes(bundle):
    x = images(4, 3, 64, 64).to(memory_format=torch.channels_last)
    first, second = (load(bundle).predict(x, raw_out=True) for _ in range(2))
    assert torch.equal(first, second)
    learner = load(bundle)
    for engine in ('torch', 'auto', 'onnxruntime'):
        learner.use_engine(engine)
    assert torch.equal(learner.predict(x, raw_out=True), first)


def test_networks_for_one_size_are_run_by_pytorch_for_others(make_learner):
    learner = make_learner(OneSize())
    learner.save_model_bundle()
    loaded = load(str(learner.folder.bundle), OneSize())
    assert loaded.onnx_mode
    assert not loaded.onnx.any_size
    for size in (64, 40):
        x = images(2, 3, size, size)
        expected = learner.predict(x, raw_out=True)
        assert (loaded.predict(x, raw_out=True) - expected).abs().max() <= 1e-4


def test_networks_that_onnx_cannot_follow_stay_with_pytorch(make_learner, caplog):
    learner = make_learner(nn.Sequential(nn.Conv2d(3, 3, 1), Branch()))
    learner.model[0].weight.data.copy_(torch.eye(3)[..., None, None])
    learner.model[0].bias.data.zero_()
    learner.save_model_bundle()
    with zipfile.ZipFile(learner.folder.bundle) as zf:
        has_onnx = 'model.onnx' in zf.namelist()
    agree = len({bool(images(n, 3, 64, 64, seed=n).mean() > 0.499) for n in (1, 2)}) == 1
    assert has_onnx == agree
    assert has_onnx or 'for PyTorch only' in caplog.text


def test_a_difference_that_is_no_number_is_no_agreement():
    with pytest.raises(DataError, match='nan'):
        compare(lambda x: x, lambda x: x * float('nan'), 3, 32)
    with pytest.raises(DataError, match='inf'):
        compare(lambda x: x, lambda x: x[:1], 3, 32)
    with pytest.raises(DataError, match=r'0\.001'):
        compare(lambda x: x, lambda x: x + 1e-3, 3, 32)
    with pytest.raises(DataError, match='cannot be run'):
        compare(lambda x: x, lambda _: 1 / 0, 3, 32)
    difference, any_size = compare(lambda x: x, lambda x: x + 1e-6 * (x.shape[-1] == 32), 3, 32)
    assert difference == pytest.approx(1e-6, rel=0.1)
    assert any_size


def test_a_failed_export_is_a_warning(make_learner, caplog):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return torch.linalg.eigvals(self.conv(x)[..., :2, :2]).abs()[..., None] * x

    learner = make_learner(Odd())
    learner.model.train()
    learner.save_model_bundle()
    assert 'cannot be written as ONNX' in caplog.text
    assert learner.model.conv.training
    with zipfile.ZipFile(learner.folder.bundle) as zf:
        assert 'model.onnx' not in zf.namelist()


# --- threads


@pytest.mark.parametrize('threads', [1, 2])
def test_engines_use_as_many_threads_as_pytorch(bundle, threads):
    before = torch.get_num_threads()
    learner = load(bundle)
    path = learner.onnx.path
    try:
        torch.set_num_threads(threads)
        options = ONNXRuntimeAdapter.from_file(path).ort_session.get_session_options()
        assert options.intra_op_num_threads == threads
        pytest.importorskip('openvino')
        compiled = OpenVINOAdapter.from_file(path)._compiled
        assert compiled.get_property('INFERENCE_NUM_THREADS') == threads
    finally:
        torch.set_num_threads(before)


# --- bundles


def test_what_the_record_of_a_bundle_says(bundle):
    with zipfile.ZipFile(bundle) as zf:
        record = json.loads(zf.read('onnx.json'))
        assert {'model.onnx', 'onnx.json'} < set(json.loads(zf.read('manifest.json'))['files'])
    assert record['image_sz'] == 64
    assert record['any_size'] is True
    assert 0 <= record['difference'] <= 1e-4
    assert set(record['sha256']) == {'model.onnx', 'model.safetensors'}


def test_a_bundle_is_the_same_each_time(make_learner):
    learner = make_learner(Net())
    contents = []
    for _ in range(2):
        learner.save_model_bundle()
        contents.append(Path(learner.folder.bundle).read_bytes())
    assert contents[0] == contents[1]


def test_pytorch_can_be_asked_for(bundle):
    learner = load(bundle, use_onnx_model=False)
    assert not learner.onnx_mode
    with pytest.raises(ConfigError, match='as ONNX'):
        learner.use_engine('onnxruntime')


def test_onnx_of_other_weights_is_refused(bundle, tmp_path, caplog):
    with zipfile.ZipFile(bundle) as zf:
        file = onnx.load_from_string(zf.read('model.onnx'))
    for tensor in file.graph.initializer:
        if tensor.dims and tensor.raw_data:
            values = np.frombuffer(tensor.raw_data, np.float32) * 2
            tensor.raw_data = values.astype(np.float32).tobytes()
    other = rewrite(bundle, tmp_path / 'other.zip', onnx=file.SerializeToString())
    learner = load(other)
    assert not learner.onnx_mode
    assert 'is not used' in caplog.text
    assert torch.equal(
        learner.predict(images(2, 3, 64, 64)),
        load(bundle, use_onnx_model=False).predict(images(2, 3, 64, 64)),
    )
    with pytest.raises(DataError, match='differ'):
        load(other, use_onnx_model=True)


def test_onnx_without_a_record_is_compared(bundle, tmp_path):
    """As in bundles of release 0.31."""
    learner = load(rewrite(bundle, tmp_path / 'old.zip', record=None))
    assert learner.onnx_mode
    assert learner.onnx.any_size


def test_a_record_that_cannot_be_read_is_named(bundle, tmp_path):
    with pytest.raises(DataError, match=r'onnx\.json'):
        load(rewrite(bundle, tmp_path / 'odd.zip', record=b'{}'))


def test_damaged_onnx_is_refused(bundle, tmp_path, caplog):
    damaged = rewrite(bundle, tmp_path / 'damaged.zip', onnx=b'\x08\x00 no model')
    assert not load(damaged).onnx_mode
    assert 'cannot read the ONNX file' in caplog.text
    with pytest.raises(DataError, match='cannot read the ONNX file'):
        load(damaged, use_onnx_model=True)


def test_a_new_network_or_new_weights_end_the_use_of_onnx(bundle, tmp_path):
    learner = load(bundle)
    learner.save_weights(str(tmp_path / 'weights.pth'))
    assert learner.onnx is not None
    learner.load_weights(str(tmp_path / 'weights.pth'))
    assert learner.onnx is None
    learner = load(bundle)
    learner.model = nn.Conv2d(3, 3, 1)
    x = images(1, 3, 64, 64)
    expected = learner.model(x)[:, :2].softmax(1)  # the third class is null, which is not trained
    assert torch.allclose(learner.predict(x, raw_out=True)[:, :2], expected)


@pytest.mark.parametrize(
    'location',
    ['../secret', '/etc/hostname', '..', '', 'missing', 'a\\b', 'sub/data', '*/_ORT_MEM_ADDR_/*'],
)
def test_onnx_that_refers_to_files_elsewhere_is_refused(tmp_path, location):
    folder = tmp_path / 'bundle'
    (folder / 'sub').mkdir(parents=True)
    for name in ('sub/data', '../secret'):
        (folder / name).write_bytes(bytes(4))
    with pytest.raises(DataError, match='refers to'):
        check_onnx_file(onnx_file(folder / 'model.onnx', location))


def test_onnx_may_refer_to_a_file_beside_it(tmp_path):
    """As those of release 0.31 do."""
    (tmp_path / 'model.onnx.data').write_bytes(bytes(4))
    check_onnx_file(onnx_file(tmp_path / 'model.onnx', 'model.onnx.data'))


def test_a_bundle_with_such_a_file_is_refused(bundle, tmp_path):
    path = onnx_file(tmp_path / 'bad.onnx', '../../secret')
    with pytest.raises(DataError, match='refers to'):
        load(rewrite(bundle, tmp_path / 'bad.zip', onnx=path.read_bytes()))


def test_empty_onnx_is_no_onnx(tmp_path):
    (tmp_path / 'model.onnx').touch()
    with pytest.raises(DataError, match='empty'):
        check_onnx_file(tmp_path / 'model.onnx')
    shutil.copy(__file__, tmp_path / 'model.onnx')  # has the word "location" in it
    with pytest.raises(DataError, match='no ONNX file'):
        check_onnx_file(tmp_path / 'model.onnx')
