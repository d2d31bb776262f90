"""A new project passes its own tests, which run its pipeline."""

import os
import subprocess
import sys

import pytest

from rastervision.pipeline.cli_init import TASKS, make_project


@pytest.mark.slow  # trains
@pytest.mark.parametrize('task', TASKS)
def test_a_new_project_passes_its_tests(tmp_path, task):
    project = tmp_path / 'new-project'
    make_project(project, task, ['house', 'tree'])
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--rootdir', project],
        cwd=project,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert '5 passed' in done.stdout
    assert 'warning' not in done.stdout
