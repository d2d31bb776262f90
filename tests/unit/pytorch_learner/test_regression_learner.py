import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    RegressionImageDataConfig,
    RegressionLearner,
    RegressionLearnerConfig,
    RegressionModel,
    RegressionModelConfig,
    SolverConfig,
)
from rastervision.pytorch_learner.regression_learner import _medians

TARGETS = ClassConfig(names=['light', 'height'])


class Images(Dataset):
    """Images of one grey value; height, 1000 times it, is not known for every third one."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def targets(self):
        light = (torch.arange(self.count) * 7 % self.count + 0.5) / self.count
        height = torch.where(torch.arange(self.count) % 3 == 2, torch.nan, 1000 * light)
        return torch.stack([light, height], dim=1).numpy()

    def __getitem__(self, index):
        y = torch.from_numpy(self.targets()[index])
        return torch.full((3, 8, 8), float(y[0])), y


def network(**kwargs):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    return RegressionModel(layers, 2, output_multiplier=[1, 1000], **kwargs)


def make_learner(folder, model=None, model_cfg=None, **solver):
    cfg = RegressionLearnerConfig(
        model=model_cfg or RegressionModelConfig(output_multiplier=[1, 1000]),
        data=RegressionImageDataConfig(
            class_config=TARGETS, img_sz=8, img_channels=3, num_workers=0
        ),
        solver=SolverConfig(**{'lr': 0.05, 'num_epochs': 20, 'batch_sz': 6, 'seed': 0} | solver),
        log_tensorboard=False,
    )
    return RegressionLearner(
        cfg, str(folder), train_ds=Images(24), valid_ds=Images(12), model=model
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A learner after main()."""
    learner = make_learner(tmp_path_factory.mktemp('train'), model=network())
    learner.main()
    return learner


def test_targets_of_any_size_are_learned(trained):
    with Path(trained.output_dir, 'log.csv').open(newline='') as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last['light_abs_error']) < 0.05
    assert float(last['height_abs_error']) < 50
    assert float(last['height_r2']) > 0.95


def test_columns_are_those_of_release_0_31_and_r2(trained):
    with Path(trained.output_dir, 'log.csv').open(newline='') as file:
        names = next(csv.reader(file))
    assert [n for n in names if not n.endswith('_r2')] == [
        *('epoch', 'train_loss', 'train_time', 'val_loss'),
        *('light_abs_error', 'light_scaled_abs_error'),
        *('height_abs_error', 'height_scaled_abs_error', 'valid_time'),
    ]


def test_errors_are_scaled_by_the_median_of_the_training_data(trained):
    light, height = Images(24).targets().T
    assert trained.task.scale == pytest.approx([np.median(light), np.nanmedian(height)])


def test_medians_of_what_is_known():
    both = ConcatDataset([Subset(Images(24), range(24)), Images(24)])
    assert _medians(both) == pytest.approx(_medians(Images(24)))
    unknown = [(None, torch.tensor([0.0, torch.nan]))] * 3
    assert _medians(unknown).tolist() == [1, 1]


def test_errors_are_drawn(trained):
    assert Path(trained.output_dir, 'valid_errors.png').stat().st_size > 5000
    assert Path(trained.output_dir, 'valid_preds.png').stat().st_size > 5000


def test_the_bundle_gives_the_same_values_by_any_engine(trained, tmp_path):
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    expected = trained.predict(x)
    for use_onnx in (True, False):
        learner = RegressionLearner.from_model_bundle(
            str(trained.folder.bundle), str(tmp_path), model=network(), use_onnx_model=use_onnx
        )
        assert learner.onnx_mode == use_onnx
        assert torch.allclose(learner.predict(x), expected, rtol=1e-4)


def test_the_kinds_of_targets_reach_the_model(tmp_path):
    data = RegressionImageDataConfig(
        class_config=TARGETS,
        img_channels=2,
        pos_class_names=['height'],
        prob_class_names=['light'],
    )
    model = RegressionModelConfig(backbone='resnet18', pretrained=False)
    learner = RegressionLearnerConfig(data=data, model=model).build(str(tmp_path), training=False)
    x = torch.rand(2, 2, 40, 40)
    with torch.inference_mode():
        raw = learner.model.backbone(x)
    expected = torch.stack([raw[:, 0].sigmoid(), raw[:, 1].exp()], dim=1)
    assert torch.allclose(learner.predict(x), expected)


def test_weights_of_targets(tmp_path):
    learner = make_learner(tmp_path, model=network(), class_loss_weights=[2, 1])
    values, y = torch.zeros(1, 2), torch.tensor([[1.0, 1000.0]])
    assert learner.loss(values, y).item() == pytest.approx(2 + 1)


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'pos_class_names': ['size']}, r"pos_class_names has 'size'.*light, height"),
        (
            {'pos_class_names': ['light'], 'prob_class_names': ['light']},
            r"'light' stands in pos_class_names and in prob_class_names",
        ),
    ],
)
def test_targets_have_to_exist_and_be_of_one_kind(fields, problem):
    cfg = RegressionImageDataConfig(class_config=TARGETS, **fields)
    with pytest.raises(ConfigError, match=problem):
        cfg.validate_config()


def test_training_again_changes_no_score(trained):
    first = json.loads(Path(trained.output_dir, 'valid_metrics.json').read_text())
    again = make_learner(trained.output_dir, model=network())
    again.train()
    again.validate('valid')
    second = json.loads(Path(trained.output_dir, 'valid_metrics.json').read_text())
    assert first['height_scaled_abs_error'] == second['height_scaled_abs_error']


def test_without_training_data_errors_are_not_scaled(trained, tmp_path):
    learner = RegressionLearner.from_model_bundle(
        str(trained.folder.bundle), str(tmp_path), model=network()
    )
    figures = learner.task.validation_figures(torch.ones(2, 2), torch.zeros(2, 2))
    metrics = learner.task.metrics([figures])
    assert metrics['light_abs_error'] == 1
    assert 'light_scaled_abs_error' not in metrics


@pytest.mark.parametrize('number', [0.0, float('nan'), float('inf')])
def test_units_are_numbers_above_or_below_0(number):
    with pytest.raises(ConfigError, match=f'output_multiplier has {number}'):
        RegressionModelConfig(output_multiplier=[1, number]).validate_config()
    with pytest.raises(ConfigError, match=f'output_multiplier has {number}'):
        RegressionModelConfig(output_multiplier=[1, number]).build(2, 3)


def learner_config(units=None, **solver):
    return RegressionLearnerConfig(
        model=RegressionModelConfig(output_multiplier=units),
        data=RegressionImageDataConfig(class_config=TARGETS),
        solver=SolverConfig(**solver),
    )


def test_there_is_one_unit_for_each_target():
    learner_config([1, 1000]).validate_config()
    with pytest.raises(ConfigError, match='has 1 numbers, but there are 2 targets'):
        learner_config([1]).validate_config()


@pytest.mark.parametrize('solver', [{'dice_weight': 1}, {'ignore_class_index': 0}], ids=str)
def test_options_of_other_tasks_are_refused(solver):
    with pytest.raises(ConfigError, match=f'solver.{next(iter(solver))} has no meaning'):
        learner_config(**solver).validate_config()
