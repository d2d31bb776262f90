import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from rastervision.pytorch_learner.models.loss import MaskedCrossEntropy, SoftDice


@given(
    seed=st.integers(0, 1000),
    ignored=st.sampled_from([None, 0, 2]),
    weights=st.sampled_from([None, [1.0, 0.0, 2.5]]),
)
def test_it_is_the_cross_entropy_of_torch_where_that_is_a_number(seed, ignored, weights):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(2, 3, 4, 4, generator=generator)
    y = torch.randint(0, 3, (2, 4, 4), generator=generator)
    expected = cross_entropy(
        scores,
        y,
        weight=None if weights is None else torch.tensor(weights),
        ignore_index=-100 if ignored is None else ignored,
    )
    actual = MaskedCrossEntropy(weights, ignored)(scores, y)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize('weights', [None, [0.0, 1.0]])
def test_a_batch_without_pixels_that_count_has_loss_and_gradient_zero(weights):
    scores = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = MaskedCrossEntropy(weights, ignore_class=None if weights else 0)(
        scores, torch.zeros(1, 3, 3, dtype=torch.long)
    )
    loss.backward()
    assert loss == 0
    assert not scores.grad.any()


@given(seed=st.integers(0, 1000), ignored=st.sampled_from([None, 0, 2]))
def test_dice_is_that_of_the_formula_class_by_class(seed, ignored):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(2, 3, 4, 5))
    y = rng.integers(0, 3, (2, 4, 5))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    kept = y != (-1 if ignored is None else ignored)
    losses = []
    for k in sorted({0, 1, 2} - {ignored}):
        soft, hard = p[:, k][kept], (y == k)[kept]
        losses.append(1 - (2 * (soft * hard).sum() + 1) / (soft.sum() + hard.sum() + 1))
    actual = SoftDice(ignored)(torch.tensor(scores), torch.tensor(y))
    np.testing.assert_allclose(actual, np.mean(losses), rtol=1e-9)


def test_dice_is_zero_for_a_sure_and_right_prediction():
    y = torch.tensor([[0, 1, 1, 0]])
    scores = 100.0 * torch.nn.functional.one_hot(y, 3).movedim(-1, 1)
    assert SoftDice()(scores, y).item() == pytest.approx(0, abs=1e-6)
