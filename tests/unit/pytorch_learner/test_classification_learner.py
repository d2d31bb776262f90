import csv
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, WeightedRandomSampler

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    ClassificationGeoDataConfig,
    ClassificationImageDataConfig,
    ClassificationLearner,
    ClassificationLearnerConfig,
    ClassificationModelConfig,
    Learner,
    SolverConfig,
)

CLASSES = ClassConfig(names=['dark', 'light'])


class Images(Dataset):
    """Images of 16 pixels; every fourth is light."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        light = index % 4 == 0
        x = 0.1 * torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(index))
        return x + 0.8 * light, torch.tensor(int(light))

    def class_ids(self):
        return [int(i % 4 == 0) for i in range(self.count)]


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )


def make_learner(folder, model=None, model_cfg=None, **data):
    cfg = ClassificationLearnerConfig(
        model=model_cfg,
        data=ClassificationImageDataConfig(
            class_config=CLASSES, img_sz=16, img_channels=3, num_workers=0, **data
        ),
        solver=SolverConfig(lr=0.05, num_epochs=3, batch_sz=4, seed=0),
        log_tensorboard=False,
    )
    return ClassificationLearner(
        cfg, str(folder), train_ds=Images(16), valid_ds=Images(8), model=model
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A learner after main()."""
    learner = make_learner(tmp_path_factory.mktemp('train'), model=network())
    learner.main()
    return learner


def test_what_can_be_learned_is_learned(trained):
    with Path(trained.output_dir, 'log.csv').open(newline='') as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last['avg_f1']) == 1
    assert float(last['light_recall']) == 1


def test_predictions_are_class_ids_or_probabilities(trained):
    x = torch.stack([Images(4)[i][0] for i in range(4)])
    assert trained.predict(x).tolist() == [1, 0, 0, 0]
    scores = trained.predict(x, raw_out=True)
    assert torch.allclose(scores.sum(dim=1), torch.ones(4))
    ids = trained.predict_dataset(Images(4), raw_out=False, progress_bar=False)
    assert [int(i) for i in ids] == [1, 0, 0, 0]


def test_the_bundle_gives_the_same_scores_by_any_engine(trained, tmp_path):
    bundle = trained.folder.bundle
    assert 'model.onnx' in zipfile.ZipFile(bundle).namelist()
    x = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    expected = trained.predict(x, raw_out=True)
    for use_onnx in (True, False):
        learner = ClassificationLearner.from_model_bundle(
            str(bundle), str(tmp_path), model=network(), use_onnx_model=use_onnx
        )
        assert learner.onnx_mode == use_onnx
        assert torch.allclose(learner.predict(x, raw_out=True), expected, atol=1e-4)
        assert learner.predict(x[:1], raw_out=True).shape == (1, 2)  # any number of images


def test_classes_can_be_balanced(tmp_path):
    learner = make_learner(tmp_path, model=network(), balance_classes=True)
    sampler = learner.train_dl.sampler
    assert isinstance(sampler, WeightedRandomSampler)
    torch.manual_seed(0)
    drawn = [i % 4 == 0 for _ in range(20) for i in sampler]
    assert 0.4 < sum(drawn) / len(drawn) < 0.6
    assert not isinstance(learner.valid_dl.sampler, WeightedRandomSampler)


def test_images_too_small_for_the_network_are_named_before_training(tmp_path):
    cfg = ClassificationModelConfig(backbone='alexnet', pretrained=False)
    with pytest.raises(ConfigError, match=r'16 x 16 pixels.*img_sz'):
        make_learner(tmp_path, model_cfg=cfg)


def test_classes_are_needed():
    data = ClassificationGeoDataConfig(img_channels=3)
    with pytest.raises(ConfigError, match='class_config'):
        ClassificationLearner(
            ClassificationLearnerConfig(data=data), model=network(), training=False
        )


def test_the_config_builds_its_learner(tmp_path):
    data = ClassificationImageDataConfig(class_config=CLASSES, img_channels=3)
    model = ClassificationModelConfig(encoder='test_resnet', pretrained=False)
    learner = ClassificationLearnerConfig(data=data, model=model).build(
        str(tmp_path), training=False
    )
    assert type(learner) is ClassificationLearner
    assert isinstance(learner, Learner)
    assert learner.predict(torch.rand(1, 3, 32, 32)).shape == (1,)
