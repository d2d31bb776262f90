"""A run: under a lock, without what is up to date."""

from pathlib import Path

import pytest

from rastervision.pipeline import registry_, running
from rastervision.pipeline.errors import ConfigError, NotWritableError, StageError
from rastervision.pipeline.fingerprint import SHARED
from rastervision.pipeline.run_lock import RunLock
from rastervision.pipeline.runner.runner import Runner
from rastervision.pipeline.running import NOTHING_TO_DO, run_pipelines, show_plan
from rastervision.pipeline.state import FOLDER


def run(*kitchens, commands=(), **kwargs):
    by_uri = {f'{k.config.root_uri}/pipeline-config.json': k for k in kitchens}
    run_pipelines(by_uri, commands, 'cook', **kwargs)


def locks(folder):
    return list(Path(folder).rglob('lock.json'))


def test_a_second_run_does_nothing_and_says_so(kitchen, cook, capsys, tmp_path):
    pipeline = kitchen()
    run(pipeline)
    assert 'up to date' not in capsys.readouterr().out
    run(pipeline)
    assert cook.plans == [['mix', 'bake', 'fry', 'serve']]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [*(f'{name} is up to date' for name in pipeline.commands), NOTHING_TO_DO]
    assert locks(tmp_path) == []
    assert Path(pipeline.config.root_uri, 'pipeline-config.json').exists()


def test_rerun_forgets_what_is_asked_for_first(kitchen, cook, monkeypatch):
    pipeline, forgotten = kitchen(), []
    run(pipeline)
    monkeypatch.setattr(pipeline, 'forget', forgotten.append, raising=False)
    run(pipeline, commands=['fry'], rerun=True)
    assert (forgotten, cook.plans[-1]) == (['fry'], ['fry'])


def test_another_run_is_refused_and_changes_nothing(kitchen, cook):
    def try_beside(job):
        with pytest.raises(NotWritableError, match='Another run is at work'):
            run(other)
        tried.append(job.command)

    pipeline, other, tried = kitchen(), kitchen(), []
    other.config.recipes['mix'] = 'corn'
    cook.during = staticmethod(try_beside)
    run(pipeline)
    assert tried == pipeline.commands
    assert pipeline.output('serve').read_text() == pipeline.expected('serve')
    assert len(cook.plans) == 1


def test_a_shared_folder_is_locked_by_those_who_write_to_it(kitchen, cook, tmp_path):
    seen = []
    cook.during = staticmethod(lambda job: seen.append({p.parts[-3] for p in locks(tmp_path)}))
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    run(kitchen('one', **shared))
    assert set(map(frozenset, seen)) == {frozenset({'one', 'mix'})}
    assert [path.name for path in (tmp_path / 'shared').iterdir()] == ['mix']
    seen.clear()
    run(kitchen('two', **shared))
    assert cook.plans[-1] == ['bake', 'fry', 'serve']
    assert set(map(frozenset, seen)) == {frozenset({'two'})}


@pytest.fixture
def shared_locks(monkeypatch):
    """Folders outside of the roots that a run has locked, in order; it first calls `before`."""

    class Watched(RunLock):
        def take(self, folders, state=FOLDER):
            folders = list(folders)
            if state == SHARED:
                taken.extend(folders)
                taken.before()
            return super().take(folders, state)

    class Folders(list):
        before = staticmethod(lambda: None)

    taken = Folders()
    monkeypatch.setattr(running, 'RunLock', Watched)
    return taken


def test_what_another_run_did_just_before_the_lock_was_free_is_not_done_again(
    kitchen, cook, shared_locks, tmp_path
):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    shared_locks.before = kitchen('one', **shared).run
    run(kitchen('two', **shared))
    assert shared_locks == [f'{tmp_path}/shared/mix']
    assert cook.plans == [['bake', 'fry', 'serve']]


def test_folders_are_locked_in_one_order_whatever_that_of_the_pipelines(
    kitchen, cook, shared_locks, tmp_path
):
    """Of two runs that want the same folders, one gets all."""
    names = 'hcgaebfd'
    run(*(kitchen(f'root_{name}', mix_uri=f'{tmp_path}/shared/{name}') for name in names))
    assert shared_locks == [f'{tmp_path}/shared/{name}' for name in sorted(names)]


def test_runs_that_write_to_folders_beside_each_other_run_beside_each_other(
    kitchen, cook, tmp_path
):
    def run_beside(job):
        cook.during = staticmethod(lambda job: None)
        run(kitchen('two', mix_uri=f'{tmp_path}/shared/other'))

    cook.during = staticmethod(run_beside)
    run(kitchen('one', mix_uri=f'{tmp_path}/shared/mix'))
    assert [len(plan) for plan in cook.plans] == [4, 4]


def test_what_lies_below_the_root_of_another_pipeline_has_its_lock_and_record_there(
    kitchen, cook, tmp_path
):
    def try_beside(job):
        guest.config.recipes['mix'] = 'corn'
        with pytest.raises(NotWritableError, match='Another run is at work'):
            run(guest)
        guest.config.recipes['mix'] = 'flour'
        tried.append(job.command)

    owner, tried = kitchen('owner'), []
    guest = kitchen('guest', mix_uri=owner.folder('mix'))
    run(owner)
    run(guest)
    assert cook.plans[-1] == ['bake', 'fry', 'serve']
    cook.during = staticmethod(try_beside)
    run(owner, rerun=True)
    assert tried == owner.commands
    assert not list(tmp_path.rglob('.state'))


@pytest.mark.parametrize('name', ['relative', 'link'])
def test_what_lies_below_the_root_by_another_name_is_its_own(
    kitchen, cook, monkeypatch, tmp_path, name
):
    """A run that writes its outputs there does not refuse itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'real').mkdir()
    if name == 'link':
        try:
            (tmp_path / 'link').symlink_to('real', target_is_directory=True)
        except OSError:
            pytest.skip('links need a permission here')
    pipeline = kitchen('real', mix_uri=f'{tmp_path}/real/mix')
    pipeline.config.root_uri = 'link' if name == 'link' else 'real'
    for _ in range(2):
        run(pipeline, rerun=True)
    assert not list(tmp_path.rglob('.state'))


def test_a_runner_that_may_not_wait_runs_no_command_for_two_pipelines(
    kitchen, monkeypatch, tmp_path
):
    """One of release 0.31 may submit jobs of one pipeline after the other, and return at once."""

    class Submitter(Runner):
        def run(self, uri, pipeline, commands, num_splits=1, pipeline_run_name=''):
            submitted.append(commands)

    submitted = []
    monkeypatch.setattr(registry_, 'get_runner', lambda name: Submitter)
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    run(kitchen('one', **shared), kitchen('two', **shared))
    assert submitted == [['mix', 'bake', 'fry', 'serve']] * 2


@pytest.mark.parametrize('left', [('running',), ('over',)])
def test_the_lock_lasts_as_long_as_the_jobs_of_the_engine(kitchen, cook, tmp_path, left):
    cook.left = left
    run(kitchen())
    assert len(locks(tmp_path)) == (left == ('running',))


def test_a_failure_releases_the_lock(kitchen, cook, tmp_path):
    def fail(job):
        raise StageError('the oven is cold')

    cook.during = staticmethod(fail)
    with pytest.raises(StageError):
        run(kitchen())
    assert locks(tmp_path) == []


def test_what_is_wrong_is_told_before_anything_is_written(kitchen, cook, monkeypatch):
    def missing(commands):
        raise ConfigError('no pantry')

    pipeline = kitchen()
    with pytest.raises(ConfigError, match='Unknown command'):
        run(pipeline, commands=['cook'])
    monkeypatch.setattr(pipeline, 'check_inputs', missing)
    with pytest.raises(ConfigError, match='no pantry'):
        run(pipeline)
    assert not Path(pipeline.config.root_uri).exists()


def test_a_plan_is_shown_without_writing_anything(kitchen, cook, capsys):
    pipeline = kitchen()
    show_plan({'k': pipeline}, ['mix'], 1, rerun=False)
    line = '1     mix      1     -    -      runs    it has not run yet'
    assert capsys.readouterr().out.splitlines()[-1] == line
    assert not Path(pipeline.config.root_uri).exists()
    pipeline.run()
    show_plan({'k': pipeline}, [], 1, rerun=False)
    assert capsys.readouterr().out.splitlines()[-1] == NOTHING_TO_DO


def test_a_plan_fits_the_terminal_and_is_whole_elsewhere(kitchen, capsys, monkeypatch):
    uri = f'{"long/" * 40}pipeline-config.json'
    pipeline = kitchen()
    show_plan({uri: pipeline}, [], 1, rerun=False)
    assert uri in capsys.readouterr().out.splitlines()
    monkeypatch.setattr('rastervision.pipeline.running.terminal_width', lambda: 80)
    show_plan({uri: pipeline}, [], 1, rerun=False)
    assert max(map(len, capsys.readouterr().out.splitlines())) == 80


def test_a_plan_is_refused_where_the_run_would_be(kitchen):
    pipeline = kitchen()
    pipeline.config.root_uri = 'http://127.0.0.1:9/out'
    with pytest.raises(NotWritableError, match='web servers are read only here'):
        show_plan({'k': pipeline}, [], 1, rerun=False)
