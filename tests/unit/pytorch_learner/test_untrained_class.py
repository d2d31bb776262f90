"""A class that the loss leaves out is not predicted, whatever its score is."""

import pytest
import torch
from torch import nn
from unit.pytorch_learner.small_learner import make_config, make_learner

from rastervision.pytorch_learner import SemanticSegmentationLearner

NULL = 2
IMAGES = torch.rand(2, 3, 8, 8)


def null_everywhere():
    """A network that scores null highest, which a loss without null never tells it not to do."""
    network = nn.Conv2d(3, 3, 1)
    nn.init.zeros_(network.weight)
    network.bias.data = torch.tensor([0.0, 1.0, 50.0])
    return network


@pytest.fixture
def learner(tmp_path):
    learner = make_learner(tmp_path, model=null_everywhere())
    learner.save_model_bundle(export_onnx=False)
    return learner


def test_null_is_not_predicted_where_there_are_data(learner):
    bundle = f'{learner.output_dir}/model-bundle.zip'
    loaded = SemanticSegmentationLearner.from_model_bundle(bundle, model=null_everywhere())
    for each in (learner, loaded):
        assert (each.predict(IMAGES) == 1).all()
        scores = each.predict(IMAGES, raw_out=True, out_shape=(16, 16))
        assert not scores[:, NULL].any()
        torch.testing.assert_close(scores.sum(1), torch.ones(2, 16, 16))


def test_null_is_not_predicted_in_the_validation(learner):
    assert learner.validate('valid')['light_recall'] == 1


def test_null_that_was_trained_is_predicted(tmp_path):
    own_loss = make_learner(tmp_path, model=null_everywhere(), loss=nn.CrossEntropyLoss())
    assert (own_loss.predict(IMAGES) == NULL).all()


def test_bundles_that_do_not_say_what_was_left_out_are_predicted_as_they_are():
    """As those of release 0.31, whose loss counted null."""
    cfg = make_config()
    assert cfg.solver.ignore_class_index is None
    old = SemanticSegmentationLearner(cfg, model=null_everywhere(), training=False)
    assert (old.predict(IMAGES) == NULL).all()


def test_a_config_of_ones_own_does_not_bring_null_back(learner):
    bundle = f'{learner.output_dir}/model-bundle.zip'
    cfg = make_config()
    for solver in (cfg.solver, None):
        cfg.solver = solver
        loaded = SemanticSegmentationLearner.from_model_bundle(
            bundle, cfg=cfg, model=null_everywhere()
        )
        assert (loaded.predict(IMAGES) == 1).all()
    assert cfg.solver is None
