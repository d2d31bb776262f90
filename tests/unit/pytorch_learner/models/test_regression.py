import pytest
import torch
from torch import nn

from rastervision.pytorch_learner import RegressionModel, RegressionModelConfig
from rastervision.pytorch_learner.models.loss import MaskedL1


def flat(out_features=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, out_features))


X = torch.rand(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))


def test_outputs_are_mapped_and_multiplied():
    """As release 0.31 maps them; it multiplied by nothing."""
    model = RegressionModel(flat(), 4, [0, 3], [1], output_multiplier=[1, 2, 3, 4])
    with torch.inference_mode():
        raw, out = model.backbone(X), model(X)
    expected = [raw[:, 0].exp(), 2 * raw[:, 1].sigmoid(), 3 * raw[:, 2], 4 * raw[:, 3].exp()]
    assert torch.allclose(out, torch.stack(expected, dim=1))
    assert [name.partition('.')[0] for name in model.state_dict()] == ['backbone'] * 2


def test_large_outputs_of_one_target_do_not_spoil_the_gradients_of_others():
    model = RegressionModel(flat(2), 2, pos_out_inds=[0], replace_head=False)
    model.backbone[1].bias.data = torch.tensor([0.0, 1000.0])
    model(X).sum().backward()
    assert torch.isfinite(model.backbone[1].weight.grad).all()


def test_the_last_layer_is_replaced_unless_told_otherwise():
    assert RegressionModel(flat(9), 2)(X).shape == (5, 2)
    kept = flat(2)
    layer = kept[1]
    assert RegressionModel(kept, 2, replace_head=False).backbone[1] is layer


@pytest.mark.parametrize('fields', [{'backbone': 'resnet18'}, {'encoder': 'test_resnet'}])
def test_the_config_builds_any_network(fields):
    cfg = RegressionModelConfig(pretrained=False, output_multiplier=[1, 100], **fields)
    model = cfg.build(2, 4, pos_out_inds=[1], prob_out_inds=[0]).eval()
    with torch.inference_mode():
        out = model(torch.rand(2, 4, 40, 40))
    assert ((out[:, 0] > 0) & (out[:, 0] < 1)).all()
    assert (out[:, 1] > 0).all()


def test_loss_leaves_out_what_is_not_known():
    nan = torch.nan
    y = torch.tensor([[1.0, 2.0, nan], [3.0, nan, nan]])
    values = torch.tensor([[2.0, 0.0, 5.0], [0.0, 9.0, 5.0]], requires_grad=True)
    loss = MaskedL1([1.0, 10.0, 1.0])(values, y)
    assert loss.item() == pytest.approx((1 + 3) / 2 + 10 * 2)
    loss.backward()
    assert values.grad.tolist() == [[0.5, -10.0, 0.0], [-0.5, 0.0, 0.0]]
