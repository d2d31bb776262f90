"""The backend and the runner do what their docstrings say."""

from pathlib import Path

import pytest
from plugin.noop_backend import NoopBackend, NoopBackendConfig
from plugin.wrapped_runner import WrappedRunner

from rastervision.core.backend import BackendConfig
from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.errors import StageError

CONFIG = Path(__file__).parents[1] / 'noop_cells.py'


def test_the_config_comes_back_from_json() -> None:
    config = NoopBackendConfig(class_id=1)
    assert BackendConfig.from_dict(config.to_dict(with_rv_metadata=True)) == config


def test_every_cell_gets_the_class(tmp_path: Path) -> None:
    [config] = get_configs(str(CONFIG))
    config.update()
    pipeline = config.build(str(tmp_path))
    scene = pipeline.build_scene(config.dataset.validation_scenes[0])
    labels = NoopBackend(1).predict_scene(scene, config.predict_options)
    assert {labels.get_cell_class_id(cell) for cell in labels.get_cells()} == {1}
    size = config.predict_options.chip_sz
    assert len(labels) == -(-scene.extent.height // size) * -(-scene.extent.width // size)


def test_the_runner_starts_each_job_through_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    monkeypatch.setenv('WRAPPED_COMMAND', "nice -n '19'")
    [config] = get_configs(str(CONFIG), args={'root_uri': str(tmp_path)})
    uri = str(tmp_path / 'pipeline-config.json')
    WrappedRunner().run(uri, config.build(str(tmp_path)), ['chip', 'train'], num_splits=2)
    assert [words[:3] for words in started] == [['nice', '-n', '19']] * 4
    ends = [words[words.index(uri) + 1 : words.index('--module')] for words in started]
    two = ['--runner', 'wrapped', '--num-splits', '2']
    assert ends == [
        ['chip', *two, '--split-ind', '0'],
        ['chip', *two, '--split-ind', '1'],
        ['finish_chip', *two],
        ['train', '--runner', 'wrapped'],
    ]


def test_a_failed_job_stops_those_that_wait_for_it(tmp_path: Path) -> None:
    [config] = get_configs(str(CONFIG), args={'root_uri': str(tmp_path)})
    uri = str(tmp_path / 'not-there.json')
    with pytest.raises(StageError, match=r'chip failed: .*\nNot run because of it: train'):
        WrappedRunner().run(uri, config.build(str(tmp_path)), ['chip', 'train'])


def test_a_log_of_an_earlier_run_is_not_taken_for_that_of_a_job_that_did_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('WRAPPED_COMMAND', 'no-such-program')
    [config] = get_configs(str(CONFIG), args={'root_uri': str(tmp_path)})
    log = tmp_path / 'logs' / 'chip.log'
    log.parent.mkdir()
    log.write_text('all went well')
    with pytest.raises(StageError, match='no-such-program') as caught:
        WrappedRunner().run(str(tmp_path / 'c.json'), config.build(str(tmp_path)), ['chip'])
    assert 'Its log' not in str(caught.value)
    assert not log.exists()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that runners would have started."""
    programs: list[list[str]] = []
    monkeypatch.setattr(WrappedRunner, 'run_command', lambda _, words: programs.append(words))
    return programs
