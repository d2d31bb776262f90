"""What a Learner predicts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from unit.pytorch_learner.small_learner import make_config

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import SemanticSegmentationLearner


@pytest.fixture
def predictor():
    model = nn.Conv2d(3, 3, 1)
    return SemanticSegmentationLearner(make_config(), model=model, training=False)


def test_predictions_are_softmax_scores_or_classes(predictor):
    x = torch.rand(5, 3, 8, 9)
    with torch.no_grad():
        expected = predictor.model(x).softmax(dim=1)
    scores = predictor.predict(x, raw_out=True)
    torch.testing.assert_close(scores, expected)
    assert torch.equal(predictor.predict(x), expected.argmax(dim=1))
    assert predictor.predict(x[0], raw_out=True, out_shape=(4, 4)).shape == (1, 3, 4, 4)
    assert not scores.requires_grad


def test_batches_of_a_loader_that_iterates_in_its_own_way(predictor):
    x = torch.rand(5, 3, 8, 9)

    class Stream(IterableDataset):
        def __iter__(self):
            return ((image, 0) for image in x)

    class Backwards(DataLoader):
        def __iter__(self):
            return iter(list(super().__iter__())[::-1])

    expected = predictor.predict(x, raw_out=True)
    streamed = predictor.predict_dataloader(DataLoader(Stream(), 2), batched_output=False)
    torch.testing.assert_close(torch.stack(list(streamed)), expected)
    data = TensorDataset(x, torch.arange(5))
    backwards = predictor.predict_dataloader(Backwards(data, 1), batched_output=False)
    torch.testing.assert_close(torch.stack(list(backwards)), expected.flip(0))


@pytest.mark.parametrize('numpy_out', [False, True])
@pytest.mark.parametrize('num_workers', [0, 1])
@pytest.mark.parametrize('return_format', ['z', 'yz', 'xyz'])
def test_items_of_a_dataset(predictor, numpy_out, num_workers, return_format):
    x = torch.rand(5, 3, 8, 9)
    data = TensorDataset(x, torch.arange(5))
    found = predictor.predict_dataset(
        data,
        return_format,
        numpy_out=numpy_out,
        dataloader_kw={'batch_size': 2, 'num_workers': num_workers, 'timeout': 60 * num_workers},
        predict_kw={'out_shape': (4, 5)},
        progress_bar=False,
    )
    items = [item if isinstance(item, tuple) else (item,) for item in found]
    expected = predictor.predict(x, raw_out=True, out_shape=(4, 5))
    assert len(items) == 5
    kind = np.ndarray if numpy_out else torch.Tensor
    for i, item in enumerate(items):
        assert len(item) == len(return_format)
        assert isinstance(item[-1], kind)
        np.testing.assert_allclose(item[-1], expected[i], atol=1e-6)
        if len(item) > 1:
            assert int(item[-2]) == i
        if len(item) > 2:
            np.testing.assert_array_equal(item[0], x[i])


def test_models_of_time_series():
    class OverTime(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(3, 3, (2, 3, 3), padding=(0, 1, 1))

        def forward(self, x):
            return self.conv(x.transpose(1, 2))[:, :, 0]

    learner = SemanticSegmentationLearner(make_config(), model=OverTime(), training=False)
    assert learner.predict(torch.rand(4, 2, 3, 8, 9), raw_out=True).shape == (4, 3, 8, 9)


def test_batches_of_a_loader(predictor):
    loader = DataLoader(TensorDataset(torch.rand(5, 3, 8, 9), torch.arange(5)), batch_size=2)
    labels = list(predictor.predict_dataloader(loader, raw_out=False))
    assert [z.shape for z in labels] == [(2, 8, 9), (2, 8, 9), (1, 8, 9)]
    with pytest.raises(ValueError, match='return_format'):
        predictor.predict_dataloader(loader, return_format='zyx')


def test_a_learner_for_prediction_has_no_folder(predictor):
    assert not predictor.model.training
    with pytest.raises(ConfigError, match='training=False'):
        predictor.folder  # noqa: B018  the access is the test


def test_temporary_files_go_with_the_learner():
    learner = SemanticSegmentationLearner(make_config(), model=nn.Conv2d(3, 3, 1), training=False)
    folder = Path(learner.tmp_dir)
    assert folder.is_dir()
    del learner
    assert not folder.exists()
