import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.models.weights import load_weights, read_weights


@pytest.fixture
def net():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


@pytest.mark.parametrize('name', ['w.pth', 'w.safetensors'])
def test_weights_survive_the_round_trip(net, tmp_path, name):
    path = str(tmp_path / name)
    state = net.state_dict()
    (save_file if name.endswith('safetensors') else torch.save)(state, path)
    other = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    load_weights(other, path)
    assert all(torch.equal(v, state[k]) for k, v in other.state_dict().items())


def test_strict_and_not(net, tmp_path):
    path = str(tmp_path / 'w.pth')
    state = net.state_dict()
    del state['1.bias']
    torch.save({**state, 'more': torch.zeros(1)}, path)
    with pytest.raises(DataError, match=r'1 \(1\.bias\) missing.*1 \(more\).*load_strict=False'):
        load_weights(net, path)
    load_weights(net, path, strict=False)


def test_another_number_of_classes_is_explained(net, tmp_path):
    path = str(tmp_path / 'w.pth')
    torch.save(nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5)).state_dict(), path)
    with pytest.raises(DataError, match=r'0\.weight has shape \(5, 3, 1, 1\).*\(4, 3, 1, 1\)'):
        load_weights(net, path, strict=False)


def test_weights_of_something_else_are_refused_even_when_not_strict(net, tmp_path):
    path = str(tmp_path / 'w.pth')
    torch.save({'other': torch.zeros(1)}, path)
    with pytest.raises(DataError, match='no weight of the network'):
        load_weights(net, path, strict=False)


@pytest.mark.parametrize('name', ['w.pth', 'w.safetensors'])
def test_a_file_that_holds_no_weights_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'nothing of the kind')
    with pytest.raises(DataError, match=name):
        read_weights(str(path))


def test_a_whole_model_is_no_state_dictionary(tmp_path):
    path = str(tmp_path / 'w.pth')
    torch.save([torch.zeros(1)], path)
    with pytest.raises(DataError, match='state_dict'):
        read_weights(path)


class Trap:
    def __reduce__(self):
        return exec, ('raise SystemExit',)


def test_code_in_a_weights_file_is_not_run(tmp_path):
    path = tmp_path / 'w.pth'
    path.write_bytes(pickle.dumps({'a': Trap()}))
    with pytest.raises(DataError, match=r'w\.pth'):
        read_weights(str(path))
