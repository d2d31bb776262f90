"""What `rastervision validate` says about pipelines that know nothing of scenes."""

import os

import pytest

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.validation import Problem, Validation


class Picky(Pipeline):
    """Misses its input."""

    def check_inputs(self, commands) -> None:
        raise ConfigError(f'{", ".join(commands)}: no such file.')


def test_by_default_inputs_are_checked_for_all_commands() -> None:
    assert Pipeline(PipelineConfig(), '').validate() == Validation()
    (problem,) = Picky(PipelineConfig(), '').validate().errors
    assert problem == Problem('inputs', 'test_cpu, test_gpu: no such file.', is_error=True)


def test_report_has_facts_warnings_and_errors_in_this_order() -> None:
    warning = Problem('a', 'looks odd', is_error=False)
    error = Problem('b', 'is missing', is_error=True)
    report = Validation((error, warning), {}, 'facts').report()
    assert report == 'facts\n\nWarnings (1):\n  a: looks odd\n\nErrors (1):\n  b: is missing'


def test_problems_of_one_kind_are_told_in_one_line_and_listed_for_programs() -> None:
    scenes = [
        Problem(f"scene '{name}'", f'{name}.tif has {bands} bands', is_error=True, kind='bands')
        for name, bands in (('a', 3), ('b', 3), ('b', 4), ('c', 1), ('d', 1))
    ]
    others = [Problem(where, 'is empty', is_error=True) for where in ('TRAIN', "scene 'a'")]
    found = Validation((*scenes, *others, Problem("scene 'x'", 'is empty', is_error=False)))
    assert found.report().splitlines() == [
        'Warnings (1):',
        "  scene 'x': is empty",
        '',
        'Errors (7):',
        '  4 scenes (a, b, c, …), of the first: a.tif has 3 bands',
        "  scene 'b': b.tif has 4 bands",
        "  TRAIN, scene 'a': is empty",
    ]
    messages = [problem['message'] for problem in found.to_json()['problems']]
    assert [m for m in messages if m.endswith('bands')] == [p.message for p in scenes]


def test_problems_are_wrapped_on_a_terminal(monkeypatch) -> None:
    monkeypatch.setattr('rastervision.pipeline.validation.terminal_width', lambda: 20)
    report = Validation((Problem('TRAIN', 'it has no windows', is_error=True),)).report()
    assert report == 'Errors (1):\n  TRAIN: it has no\n    windows'


@pytest.mark.parametrize(('is_error', 'ok'), [(True, False), (False, True)])
def test_only_errors_make_it_fail(is_error: bool, ok: bool) -> None:
    found = Validation((Problem('a', 'b', is_error),), {'files': 3}).to_json()
    level = 'error' if is_error else 'warning'
    assert found == {
        'ok': ok,
        'problems': [{'level': level, 'where': 'a', 'message': 'b'}],
        'files': 3,
    }


@pytest.mark.parametrize(
    ('root', 'reason'),
    [
        ('{file}/out', 'a part of the path is a file'),
        ('{file}', 'a part of the path is a file'),
        ('http://127.0.0.1:9/out', 'web servers are read only here'),
        ('nothing://out', 'No file system can write to'),
    ],
)
def test_a_root_that_cannot_be_written_is_an_error(root, reason, tmp_path) -> None:
    file = tmp_path / 'file'
    file.write_text('')
    (problem,) = Pipeline(PipelineConfig(root_uri=root.format(file=file)), '').validate().errors
    assert problem.where == 'root_uri'
    assert reason in problem.message
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_a_folder_of_others_cannot_be_the_root(tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(os, 'access', lambda path, mode: asked.append((path, mode)))
    root = tmp_path / 'a' / 'b'
    (problem,) = Pipeline(PipelineConfig(root_uri=str(root)), '').validate().errors
    assert 'permission denied' in problem.message
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_a_root_that_is_still_to_be_made_is_fine(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in ('new/out', str(tmp_path), (tmp_path / 'a' / 'b').as_uri()):
        assert Pipeline(PipelineConfig(root_uri=root), '').validate() == Validation()
    assert list(tmp_path.iterdir()) == []
