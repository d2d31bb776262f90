"""What commands read, by the fingerprints that change, and what they write, by running them."""

import os
import shutil
from pathlib import Path

import pytest

from rastervision.core.data import PolygonVectorOutputConfig, SemanticSegmentationLabelStoreConfig
from rastervision.core.evaluation import SemanticSegmentationEvaluatorConfig
from rastervision.core.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.file_digests import file_digests
from rastervision.pipeline.config import build_config
from rastervision.pipeline.fingerprint import Fingerprints
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

ALL = {'analyze', 'chip', 'train', 'predict', 'eval', 'bundle'}
LEARNT = {'train', 'predict', 'eval', 'bundle'}


def touch(path):
    status = Path(path).stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def append_evaluator(config):
    config.evaluators = [SemanticSegmentationEvaluatorConfig(output_uri='scores')]


def set_store(config):
    outputs = [PolygonVectorOutputConfig(class_id=0)]
    for scene in config.dataset.validation_scenes:
        scene.label_store = SemanticSegmentationLabelStoreConfig(vector_output=outputs)


def set_aoi(config):
    path = Path(config.dataset.train_scenes[0].raster_source.uris).with_name('aoi.json')
    path.write_text('{}')
    config.dataset.validation_scenes[0].aoi_uris = [str(path)]


def add_test_scene(config):
    scene = config.dataset.validation_scenes[0].copy()
    scene.id = 'new'
    config.dataset.test_scenes = [scene]


CHANGES = {
    'nothing': (lambda c: None, set(), set()),
    'evaluator': (append_evaluator, {'eval', 'bundle'}, {'eval', 'bundle'}),
    'stride': (
        lambda c: setattr(c.predict_options, 'stride', 8),
        {'predict', 'eval', 'bundle'},
        {'predict', 'eval', 'bundle'},
    ),
    'where predictions go': (
        lambda c: setattr(c, 'predict_uri', f'{c.root_uri}/elsewhere'),
        {'predict', 'eval', 'bundle'},
        {'predict', 'eval', 'bundle'},
    ),
    'vectors': (set_store, {'predict', 'eval', 'bundle'}, {'predict', 'eval', 'bundle'}),
    'chip filter': (
        lambda c: setattr(c.chip_options, 'negative_survival_prob', 0.5),
        LEARNT | {'chip'},
        {'bundle'},
    ),
    'learning rate': (lambda c: setattr(c.backend.solver, 'lr', 1), LEARNT, LEARNT),
    'analyzer': (lambda c: setattr(c, 'analyze_uri', f'{c.root_uri}/elsewhere'), ALL, ALL),
    'colours': (lambda c: setattr(c.dataset.class_config, 'colors', ['blue', 'red']), ALL, ALL),
    'weights': (lambda c: setattr(c, 'source_bundle_uri', 'bundle.zip'), LEARNT, LEARNT),
    'training image': (lambda c: touch(c.dataset.train_scenes[0].raster_source.uris), ALL, ALL),
    'an area of interest': (set_aoi, ALL, ALL),
    'a test scene': (add_test_scene, ALL, ALL),
}


@pytest.fixture
def make_pipeline(config, tmp_path):
    """Return a function that makes a pipeline with PyTorch, from chips or from scenes."""

    def make(from_chips, change=lambda config: None):
        cfg = config.copy()
        data = (
            SemanticSegmentationImageDataConfig()
            if from_chips
            else SemanticSegmentationGeoDataConfig(
                scene_dataset=cfg.dataset, sampling=cfg.chip_options.sampling
            )
        )
        cfg.backend = PyTorchSemanticSegmentationConfig(
            data=data, model=SemanticSegmentationModelConfig(), solver=SolverConfig()
        )
        change(cfg)
        cfg.update()
        return cfg.build(str(tmp_path))

    return make


def prints(pipeline):
    of_pipeline = Fingerprints(pipeline)
    return {name: of_pipeline.of(name) for name in pipeline.commands}


@pytest.mark.parametrize('from_chips', [True, False])
@pytest.mark.parametrize('name', CHANGES)
def test_fingerprints_change_with_what_a_command_reads(make_pipeline, from_chips, name):
    change, *expected = CHANGES[name]
    before = prints(make_pipeline(from_chips))
    after = prints(make_pipeline(from_chips, change))
    changed = {command for command in ALL if before[command].parts != after[command].parts}
    if not from_chips:
        expected[1] = expected[1] - {'chip'}  # which has nothing to do
    assert changed == (expected[0] if from_chips else expected[1])


def test_labels_decide_what_is_learnt_and_scored(make_pipeline):
    pipeline = make_pipeline(from_chips=True)
    labels = pipeline.config.dataset.validation_scenes[0].label_source
    uri = labels.raster_source.vector_source.uris
    readers = {name for name in ALL if uri in pipeline.command_facts(name).inputs}
    assert readers == {'chip', 'eval'}


def test_train_does_not_depend_on_test_scenes_by_itself(make_pipeline):
    with_scene = make_pipeline(False, add_test_scene).command_facts('train')
    assert with_scene == make_pipeline(False).command_facts('train')


@pytest.mark.parametrize('from_chips', [True, False])
def test_a_serialised_config_has_the_same_fingerprints(make_pipeline, from_chips, tmp_path):
    pipeline = make_pipeline(from_chips, set_store)
    copy = build_config(pipeline.config.to_dict()).build(str(tmp_path))
    assert prints(copy) == prints(pipeline)


def test_files_that_commands_write_are_no_inputs(make_pipeline):
    pipeline = make_pipeline(from_chips=True)
    before = prints(pipeline)
    pipeline.analyze()
    pipeline.chip()
    assert prints(make_pipeline(from_chips=True)) == before


def test_outputs_are_the_files_that_commands_write(pipeline):
    """With a backend of a third party: what it writes is somewhere in the folder of TRAIN."""
    cfg = pipeline.config
    for command in pipeline.commands:
        getattr(pipeline, command)()
        facts = pipeline.command_facts(command)
        assert facts.outputs
        assert all(Path(uri).exists() for uri in facts.outputs), command
        assert facts.folder == cfg.stage_uri(command)
    assert pipeline.command_facts('train').outputs == (cfg.train_uri,)
    assert set(pipeline.command_facts('predict').outputs) == {
        f'{cfg.predict_uri}/{name}/labels.tif' for name in ('val', 'test')
    }


def test_a_backend_of_a_third_party_reads_the_whole_config(updated, tmp_path):
    before = prints(updated.build(str(tmp_path)))
    append_evaluator(updated)
    assert prints(updated.build(str(tmp_path)))['train'] != before['train']


def test_nobody_knows_what_the_commands_of_a_subclass_read(updated, tmp_path):
    class Own(RVPipeline):
        def chip(self): ...

        def finish_predict(self, num_splits): ...

    pipeline = Own(updated, str(tmp_path))
    known = {name for name in pipeline.commands if pipeline.command_facts(name) is not None}
    assert known == ALL - {'chip', 'predict'}
    assert pipeline.command_facts('report') is None


def test_rerun_forgets_finished_predictions_and_nothing_of_the_user(pipeline):
    for command in ('train', 'predict'):
        getattr(pipeline, command)()
    folder = Path(pipeline.config.predict_uri, 'val')
    mine = folder / 'notes.txt'
    mine.write_text('mine')
    pipeline.forget('eval')
    assert (folder / 'labels.tif').exists()
    pipeline.forget('predict')
    assert not (folder / 'labels.tif').exists()
    assert mine.exists()


def test_files_written_again_with_the_same_content_are_the_same(make_pipeline, tmp_path):
    pipeline = make_pipeline(from_chips=True)
    pipeline.analyze()
    pipeline.chip()
    data = pipeline.config.backend.data
    before = file_digests(data)
    chips = {uri for uri in before if uri.endswith('.zip')}
    assert len(chips) == 3
    pipeline.chip()
    assert file_digests(data) == before
    one, *_, other = sorted(chips)
    shutil.copy(one, other)
    assert file_digests(data)[other] == before[one] != before[other]
    Path(other).write_bytes(b'no zip file')
    assert file_digests(data)[other] not in {None, before[other]}
    Path(other).unlink()
    assert other not in file_digests(data)
