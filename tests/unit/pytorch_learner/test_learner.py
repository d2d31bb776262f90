import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from rastervision.core.data import DatasetConfig
from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError, StageError
from rastervision.pytorch_learner import (
    ClassificationLearner,
    Learner,
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)

CLASSES = ClassConfig(names=['dark', 'light'])


class RandomImages(Dataset):
    """Every image is drawn anew; light pixels are to be found."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        x = torch.rand(3, 8, 8)
        return x, (x[0] > 0.5).long()


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv2d(8, 3, 1),
    )


def make_config(log_tensorboard=False, **solver):
    scenes = DatasetConfig(class_config=CLASSES, train_scenes=[], validation_scenes=[])
    data = SemanticSegmentationGeoDataConfig(num_workers=0, scene_dataset=scenes)
    options = {'lr': 0.01, 'num_epochs': 3, 'batch_sz': 4, 'seed': 1} | solver
    return SemanticSegmentationLearnerConfig(
        data=data, solver=SolverConfig(**options), log_tensorboard=log_tensorboard
    )


def make_learner(folder, cls=SemanticSegmentationLearner, cfg=None, **kwargs):
    options = {
        'train_ds': RandomImages(12),
        'valid_ds': RandomImages(4),
        'model': network(),
        **kwargs,
    }
    return cls(cfg or make_config(), str(folder), **options)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A learner after main()."""
    learner = make_learner(
        tmp_path_factory.mktemp('train'), cfg=make_config(log_tensorboard=True, num_epochs=2)
    )
    learner.main()
    return learner


# --- training


def test_outputs_are_those_of_release_0_31(trained):
    folder = Path(trained.output_dir)
    written = {p.relative_to(folder).as_posix() for p in folder.rglob('*') if p.is_file()}
    boards = {name for name in written if name.startswith('tb-logs/')}
    assert boards
    assert written - boards == {
        'checkpoints/last.ckpt',
        'dataloaders/train.png',
        'dataloaders/valid.png',
        'last-model.pth',
        'learner-config.json',
        'log.csv',
        'model-bundle.zip',
        'valid_metrics.json',
        'valid_preds.png',
    }


def test_the_log_has_the_columns_of_release_0_31(trained):
    with Path(trained.output_dir, 'log.csv').open(newline='') as f:
        rows = list(csv.reader(f))
    classes = ['dark', 'light', 'null']
    assert rows[0] == [
        *('epoch', 'train_loss', 'train_time', 'val_loss'),
        *('avg_precision', 'avg_recall', 'avg_f1'),
        *(f'{c}_{m}' for c in classes for m in ('precision', 'recall', 'f1')),
        'valid_time',
    ]
    assert [row[0] for row in rows[1:]] == ['0', '1']
    assert all(row[2].startswith('0:00:0') for row in rows[1:])


def test_final_metrics_are_those_of_the_last_weights(trained):
    metrics = json.loads(Path(trained.output_dir, 'valid_metrics.json').read_text())
    assert 0 < metrics['val_loss'] < 2
    assert 0 <= metrics['light_f1'] <= 1
    weights = torch.load(Path(trained.output_dir, 'last-model.pth'), weights_only=True)
    assert torch.equal(weights['0.weight'], trained.model.state_dict()['0.weight'])


def test_the_written_config_makes_the_same_learner(trained):
    cfg = SemanticSegmentationLearnerConfig.from_file(
        str(Path(trained.output_dir, 'learner-config.json'))
    )
    assert cfg == trained.cfg
    assert cfg.data.img_channels == 3
    assert cfg.data.class_config.names == ['dark', 'light', 'null']


def test_what_the_caller_gave_is_not_changed(tmp_path):
    cfg = make_config()
    before = cfg.copy()
    make_learner(tmp_path, cfg=cfg)
    assert cfg == before


def test_training_learns(tmp_path):
    learner = make_learner(tmp_path, cfg=make_config(num_epochs=8, lr=0.05))
    learner.train()
    with Path(tmp_path, 'log.csv').open(newline='') as f:
        losses = [float(row['val_loss']) for row in csv.DictReader(f)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_seed_makes_runs_the_same(tmp_path):
    weights = []
    for i, seed in enumerate([1, 1, 2]):
        learner = make_learner(tmp_path / str(i), cfg=make_config(seed=seed, num_epochs=1))
        learner.train()
        weights.append(learner.model[0].weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_own_parts_are_used(tmp_path):
    calls = []

    def loss(out, y):
        calls.append(1)
        return nn.functional.cross_entropy(out, y)

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    step_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    epoch_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
    learner = make_learner(
        tmp_path,
        cfg=make_config(num_epochs=2),
        model=model,
        loss=loss,
        optimizer=optimizer,
        step_scheduler=step_scheduler,
        epoch_scheduler=epoch_scheduler,
    )
    learner.train()
    assert learner.model is model
    assert len(calls) == 2 * (3 + 1)
    assert optimizer.param_groups[0]['lr'] == pytest.approx(0.5 * 0.5**6 * 0.1**2)


def test_steps_may_be_overridden(tmp_path):
    seen = []

    class Own(SemanticSegmentationLearner):
        def train_step(self, batch, batch_ind):
            x, y = batch
            return {'train_loss': nn.functional.cross_entropy(self.model(x), y), 'extra': batch_ind}

        def validate_end(self, outputs):
            return {'val_loss': 1.0}

        def on_epoch_end(self, curr_epoch, metrics):
            super().on_epoch_end(curr_epoch, metrics)
            seen.append((curr_epoch, metrics['extra'], metrics['val_loss']))

    make_learner(tmp_path, Own, cfg=make_config(num_epochs=2)).train()
    assert seen == [(0, 1.0, 1.0), (1, 1.0, 1.0)]


def test_without_validation_data_there_are_no_metrics(tmp_path):
    learner = make_learner(tmp_path, cfg=make_config(num_epochs=1), valid_ds=None)
    learner.main()
    assert Path(tmp_path, 'log.csv').read_text().startswith('epoch,train_loss,train_time\n')
    assert not Path(tmp_path, 'valid_metrics.json').exists()


def test_batches_larger_than_the_data(tmp_path):
    learner = make_learner(tmp_path, cfg=make_config(num_epochs=1, batch_sz=99))
    learner.train()
    assert len(learner.train_dl) == 1


def test_every_checkpoint_may_be_kept(tmp_path):
    cfg = make_config(num_epochs=2)
    cfg.save_all_checkpoints = True
    make_learner(tmp_path, cfg=cfg).train()
    kept = {p.name for p in Path(tmp_path, 'checkpoints').iterdir()}
    assert kept == {'last.ckpt', 'model-ckpt-epoch-0.pth', 'model-ckpt-epoch-1.pth'}


def test_a_plain_epoch_is_what_training_does(tmp_path):
    plain = make_learner(tmp_path / 'plain')
    metrics = plain.train_epoch(plain.opt, step_scheduler=plain.step_scheduler)
    assert 0 < metrics['train_loss'] < 2
    assert plain.step_scheduler.last_epoch == 3
    assert not Path(tmp_path, 'plain', 'log.csv').exists()


# --- what goes wrong


def test_a_loss_that_is_no_number_ends_the_training(tmp_path):
    learner = make_learner(tmp_path, loss=lambda out, _: out.mean() * float('nan'))
    with pytest.raises(StageError, match=r'Epoch 0: .* nan at step 0.*solver\.lr'):
        learner.train()
    with pytest.raises(StageError, match='nan at step 0'):
        learner.train_epoch(learner.opt)
    assert not Path(tmp_path, 'log.csv').exists()


def test_there_must_be_training_data(tmp_path):
    with pytest.raises(DataError, match='no training data'):
        make_learner(tmp_path, train_ds=RandomImages(0))
    with pytest.raises(DataError, match='no training data'):
        make_learner(tmp_path, train_ds=None, valid_ds=None)


def test_what_training_needs_is_named(tmp_path):
    cfg = make_config()
    with pytest.raises(ConfigError, match='output_dir'):
        SemanticSegmentationLearner(cfg, train_ds=RandomImages(4), model=network())
    with pytest.raises(ConfigError, match='model'):
        make_learner(tmp_path, model=None)
    cfg.solver = None
    with pytest.raises(ConfigError, match='solver'):
        make_learner(tmp_path, cfg=cfg)
    with pytest.raises(NotImplementedError, match='task'):
        make_learner(tmp_path, Learner)


def test_data_that_there_are_not_are_named(tmp_path):
    learner = make_learner(tmp_path)
    with pytest.raises(DataError, match='test'):
        learner.validate('test')


def test_an_image_of_another_number_of_channels_is_named(tmp_path):
    cfg = make_config()
    cfg.data.img_channels = 4
    with pytest.raises(ConfigError, match=r'img_channels=4.*3'):
        make_learner(tmp_path, cfg=cfg)


# --- going on

INTERRUPTED = """
import sys, time
sys.path.insert(0, {here!r})
from test_learner import *

class Stuck(SemanticSegmentationLearner):
    def train_step(self, batch, batch_ind):
        if self.get_start_epoch() == 2 and batch_ind == 1:
            print('stuck', flush=True)
            time.sleep(600)
        return super().train_step(batch, batch_ind)

make_learner({folder!r}, Stuck, cfg=make_config(num_epochs=4)).train()
"""


@pytest.mark.slow  # starts an interpreter with torch, to kill it
def test_a_killed_training_goes_on_where_it_was(tmp_path, caplog):
    whole = make_learner(tmp_path / 'whole', cfg=make_config(num_epochs=4))
    whole.train()
    folder = tmp_path / 'killed'
    code = INTERRUPTED.format(here=str(Path(__file__).parent), folder=str(folder))
    with subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == 'stuck\n'
        process.kill()
    resumed = make_learner(folder, cfg=make_config(num_epochs=4))
    with caplog.at_level('INFO'):
        resumed.train()
    assert 'after epoch 2 of 4' in caplog.text
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value, rtol=1e-6, atol=1e-7)
    logs = []
    for run in ('whole', 'killed'):
        with Path(tmp_path, run, 'log.csv').open(newline='') as f:
            logs.append([(row['epoch'], row['train_loss']) for row in csv.DictReader(f)])
    assert [epoch for epoch, _ in logs[1]] == ['0', '1', '2', '3']
    assert logs[0] == logs[1]


def test_a_finished_training_is_not_done_again(tmp_path, caplog):
    make_learner(tmp_path, cfg=make_config(num_epochs=1)).train()
    again = make_learner(tmp_path, cfg=make_config(num_epochs=1))
    with caplog.at_level('INFO'):
        again.train()
    assert 'trained already' in caplog.text
    weights = torch.load(Path(tmp_path, 'last-model.pth'), weights_only=True)
    assert torch.equal(weights['0.weight'], again.model[0].weight)


def test_further_epochs_are_added(tmp_path):
    learner = make_learner(tmp_path, cfg=make_config(num_epochs=1))
    learner.train()
    learner.train(epochs=2)
    assert learner.get_start_and_end_epochs() == (3, 1)
    assert learner.get_start_and_end_epochs(5) == (3, 8)
    assert len(Path(tmp_path, 'log.csv').read_text().splitlines()) == 4


def test_another_config_starts_anew(tmp_path):
    make_learner(tmp_path, cfg=make_config(num_epochs=1)).train()
    other = make_learner(tmp_path, cfg=make_config(num_epochs=1, lr=0.5))
    other.train()
    assert other.get_start_epoch() == 1
    assert len(Path(tmp_path, 'log.csv').read_text().splitlines()) == 2


# --- prediction


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
        dataloader_kw={'batch_size': 2, 'num_workers': num_workers},
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


def test_old_names_of_the_learner(trained):
    torch.manual_seed(0)
    metrics = trained.eval_model('valid')
    torch.manual_seed(0)
    same = trained.validate('valid')
    assert {**metrics, 'valid_time': 0} == {**same, 'valid_time': 0}
    pixels = np.array([[0, 51, 255]], dtype=np.uint8)
    np.testing.assert_allclose(trained.normalize_input(pixels), [[0, 0.2, 1]], rtol=1e-6)
    with pytest.raises(ConfigError, match='no ONNX model in use'):
        trained.predict_onnx(torch.zeros(1, 3, 8, 8))


def test_schedulers_may_start_at_a_later_epoch(tmp_path):
    learner = make_learner(tmp_path)  # 3 epochs of 3 steps
    rates = []
    for _ in range(2):
        for _ in range(3):
            rates.append(learner.opt.param_groups[0]['lr'])
            learner.opt.step()
            learner.step_scheduler.step()
    later = learner.build_step_scheduler(start_epoch=1)
    assert later.get_last_lr()[0] == pytest.approx(rates[3])


def test_a_bundle_of_another_task_is_refused(trained):
    bundle = Path(trained.output_dir, 'model-bundle.zip')
    with pytest.raises(ConfigError, match='of a SemanticSegmentationLearnerConfig, which Class'):
        ClassificationLearner.from_model_bundle(str(bundle))


def test_another_optimizer_starts_training_anew(tmp_path, caplog):
    make_learner(tmp_path).train(1)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    learner = make_learner(tmp_path, model=model, optimizer=optimizer)
    learner.train(1)
    assert 'starts anew' in caplog.text
    assert learner.get_start_epoch() == 1


def test_the_epochs_that_are_done_are_known_before_training(tmp_path):
    assert make_learner(tmp_path).get_start_epoch() == 0
    make_learner(tmp_path).train(1)
    assert make_learner(tmp_path).get_start_epoch() == 1


def test_training_and_bundling_write_the_config(tmp_path):
    learner = make_learner(tmp_path)
    learner.train(1)
    assert Path(learner.config_path).is_file()
    Path(learner.config_path).unlink()
    learner.save_model_bundle(export_onnx=False)
    assert Path(learner.config_path).is_file()
    for path in (learner.log_path, learner.last_model_weights_path, learner.model_bundle_uri):
        assert Path(path).parent == Path(learner.output_dir_local) == tmp_path
        assert Path(path).is_file()


def test_a_model_of_ones_own_is_used_unless_onnx_is_asked_for(trained):
    bundle = str(Path(trained.output_dir, 'model-bundle.zip'))
    own = network()
    learner = SemanticSegmentationLearner.from_model_bundle(bundle, model=own)
    assert learner.engine_name == 'torch'
    assert learner.model is own
    other = SemanticSegmentationLearner.from_model_bundle(
        bundle, model=network(), use_onnx_model=True
    )
    assert other.engine_name != 'torch'
