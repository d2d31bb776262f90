"""What `rastervision validate` says about pipelines that know nothing of scenes."""

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


@pytest.mark.parametrize(('is_error', 'ok'), [(True, False), (False, True)])
def test_only_errors_make_it_fail(is_error: bool, ok: bool) -> None:
    found = Validation((Problem('a', 'b', is_error),), {'files': 3}).to_json()
    level = 'error' if is_error else 'warning'
    assert found == {
        'ok': ok,
        'problems': [{'level': level, 'where': 'a', 'message': 'b'}],
        'files': 3,
    }
