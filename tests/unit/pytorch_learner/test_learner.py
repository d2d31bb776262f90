import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from unit.pytorch_learner.small_learner import (
    RandomImages,
    make_config,
    make_learner,
    network,
)

from rastervision.pipeline.errors import ConfigError, DataError, StageError
from rastervision.pytorch_learner import (
    ClassificationLearner,
    Learner,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
)


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


def test_a_bundle_of_another_task_is_refused(trained):
    bundle = Path(trained.output_dir, 'model-bundle.zip')
    with pytest.raises(ConfigError, match='of a SemanticSegmentationLearnerConfig, which Class'):
        ClassificationLearner.from_model_bundle(str(bundle))


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
