from pathlib import Path

import pytest
import torch

from rastervision.core.data import ClassConfig, DatasetConfig
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)
from rastervision.pytorch_learner.training import checkpoint
from rastervision.pytorch_learner.training.checkpoint import (
    Progress,
    epoch_seed,
    load_checkpoint,
    recipe_digest,
    save_checkpoint,
)


def parts():
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    epoch_scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])
    step_scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)
    return {
        'model': model,
        'optimizer': optimizer,
        'step_scheduler': step_scheduler,
        'epoch_scheduler': epoch_scheduler,
    }


def train(state, steps):
    for i in range(steps):
        state['optimizer'].zero_grad()
        state['model'](torch.full((4, 3), i + 1.0)).square().sum().backward()
        state['optimizer'].step()
        state['step_scheduler'].step()


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole, first, second = parts(), parts(), parts()
    train(whole, 2)
    train(first, 2)
    save_checkpoint(tmp_path / 'last.ckpt', Progress(2, 7, 'recipe'), first)
    assert load_checkpoint(tmp_path / 'last.ckpt', 'recipe', second) == Progress(2, 7, 'recipe')
    train(whole, 3)
    train(second, 3)
    assert torch.equal(whole['model'].weight, second['model'].weight)
    assert whole['step_scheduler'].get_last_lr() == second['step_scheduler'].get_last_lr()


def test_parts_that_there_are_not_are_left_out(tmp_path):
    state = parts() | {'epoch_scheduler': None}
    save_checkpoint(tmp_path / 'last.ckpt', Progress(1, 7, ''), state)
    assert load_checkpoint(tmp_path / 'last.ckpt', '', state) is not None


def test_there_is_nothing_to_load_at_first(tmp_path):
    assert load_checkpoint(tmp_path / 'last.ckpt', '', parts()) is None


def test_a_run_with_another_config_starts_anew(tmp_path, caplog):
    state = parts()
    save_checkpoint(tmp_path / 'last.ckpt', Progress(1, 7, 'old'), state)
    before = state['model'].weight.clone()
    assert load_checkpoint(tmp_path / 'last.ckpt', 'new', state) is None
    assert torch.equal(before, state['model'].weight)
    assert 'starts anew' in caplog.text


@pytest.mark.parametrize('content', [b'', b'not a checkpoint'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / 'last.ckpt').write_bytes(content)
    with pytest.raises(DataError, match=r'last\.ckpt.*Remove the file'):
        load_checkpoint(tmp_path / 'last.ckpt', '', parts())


def test_a_checkpoint_of_another_network_is_named(tmp_path):
    save_checkpoint(tmp_path / 'last.ckpt', Progress(1, 7, ''), parts())
    other = parts() | {'model': torch.nn.Linear(5, 2)}
    with pytest.raises(DataError, match=r'last\.ckpt'):
        load_checkpoint(tmp_path / 'last.ckpt', '', other)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return print, ('harm',)

    torch.save({'epoch': Harm()}, tmp_path / 'last.ckpt')
    with pytest.raises(DataError, match=r'last\.ckpt'):
        load_checkpoint(tmp_path / 'last.ckpt', '', parts())


def test_epochs_and_runs_have_different_seeds():
    seeds = {epoch_seed(seed, epoch) for seed in range(10) for epoch in range(10)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_recipe_is_what_makes_the_weights():
    def digest(**solver):
        classes = ClassConfig(names=['a', 'b'])
        data = SemanticSegmentationImageDataConfig(
            class_config=classes, num_workers=solver.pop('workers', 0)
        )
        parts = {'optimizer': solver.pop('optimizer', None)}
        cfg = SemanticSegmentationLearnerConfig(data=data, solver=SolverConfig(**solver))
        return recipe_digest(cfg, parts)

    assert digest() == digest(num_epochs=99) == digest(workers=3)
    assert len({digest(), digest(lr=0.5), digest(batch_sz=3)}) == 3
    assert len({digest(), digest(optimizer='of one class'), digest(optimizer=1)}) == 3


def test_the_recipe_outlives_signatures(monkeypatch):
    def digest(name, password, stamp='of the file'):
        uri = f'https://me:{password}@host/{name}?X-Amz-Signature={password}'
        monkeypatch.setattr(checkpoint, 'file_digests', lambda _: {uri: stamp, 'other': None})
        classes = ClassConfig(names=['a', 'b'])
        data = SemanticSegmentationImageDataConfig(class_config=classes, uri=uri)
        model = SemanticSegmentationModelConfig(init_weights=f'{uri}&part=weights')
        cfg = SemanticSegmentationLearnerConfig(data=data, model=model)
        return recipe_digest(cfg, {})

    assert digest('a', '1') == digest('a', '2')
    assert len({digest('a', '1'), digest('b', '1'), digest('a', '1', 'of another')}) == 3


def test_the_recipe_covers_the_files_but_not_what_is_tested(make_scene):
    def digest():
        data = SemanticSegmentationGeoDataConfig(scene_dataset=dataset)
        return recipe_digest(SemanticSegmentationLearnerConfig(data=data), {})

    files = make_scene('a')
    scene = files.config(stats=False)
    classes = ClassConfig(names=['a', 'b'])
    dataset = DatasetConfig(class_config=classes, train_scenes=[scene], validation_scenes=[])
    before = digest()
    dataset.test_scenes = [make_scene('b', 1).config(stats=False)]
    dataset.scene_groups = {'both': {'a', 'b'}}
    assert digest() == before
    Path(files.labels).write_text(Path(files.labels).read_text() + ' ')
    assert digest() != before
