"""One job in a child process: what an engine elsewhere starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import started, wait_until

from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_process import STOPPED, config_modules, run_job
from rastervision.pipeline.state import INTERRUPTED, read_record, record_uri


def run(scripted, command, **script):
    uri, pipeline = scripted.pipeline('out', **script)
    lines = []
    result = run_job(Job(uri, command), config_modules(pipeline.config), lines.append)
    return result, lines


def test_lines_go_to_the_log_and_onwards(scripted):
    result, lines = run(scripted, 'first', first='print("hello")')
    assert result.reason is None
    assert lines == ['Running first command...', 'hello']
    assert Path(result.log).read_text('utf-8').splitlines() == lines


def test_a_failure_is_a_result_with_its_reason(scripted):
    result, _ = run(scripted, 'first', first='raise DataError("no pixels")')
    assert (result.reason, result.last_lines) == ('no pixels', ())
    result, _ = run(scripted, 'first', first='1 / 0')
    assert result.reason == 'ZeroDivisionError: division by zero'
    assert result.last_lines[-1] == result.reason
    assert Path(result.log).read_text('utf-8').rstrip().endswith(result.reason)


def test_nothing_that_a_job_says_has_credentials(scripted):
    uri = 'ftp://me:SECRET@h/a?sig=SECRET'
    result, lines = run(scripted, 'first', first=f'print("{uri}")\nraise ValueError("{uri}")')
    assert lines[-1] == 'ftp://h/a?...'
    assert result.reason == 'ValueError: ftp://h/a?...'
    record = (scripted.folder / 'out' / 'state' / 'first.json').read_text('utf-8')
    told = [*lines, *result.last_lines, Path(result.log).read_text('utf-8'), record]
    assert 'SECRET' not in '\n'.join(told)


def test_a_sudden_end_is_explained(scripted):
    result, _ = run(scripted, 'first', first='os.kill(os.getpid(), 9)')
    assert result.reason == 'its process was ended by SIGKILL (out of memory?)'


def test_an_engine_starts_jobs_by_the_command_line(scripted):
    uri, pipeline = scripted.pipeline('out')
    modules = [part for pair in config_modules(pipeline.config) for part in ('--module', *pair)]
    done = []
    for command, split in (('many', ['--split-ind', '1']), ('gather', [])):
        args = [uri, command, *split, '--num-splits', '2', '--runner', 'inprocess', *modules]
        code = [sys.executable, '-m', 'rastervision.pipeline', 'run_command', *args]
        done.append(subprocess.run(code, capture_output=True, text=True, check=True, timeout=60))
    assert scripted.jobs('out') == ['many 1/2', 'gather 0/2']
    assert 'Running many command split 2/2...' in done[0].stdout
    assert sorted(p.name for p in (scripted.folder / 'out' / 'logs').iterdir()) == [
        'gather.log',
        'many-2-of-2.log',
    ]


def test_a_job_that_is_not_wanted_any_more_is_stopped(scripted):
    uri, pipeline = scripted.pipeline('out', first='print("here")\ntime.sleep(60)')
    lines = []
    result = run_job(
        Job(uri, 'first'),
        config_modules(pipeline.config),
        lines.append,
        is_wanted=lambda: 'here' not in lines,
    )
    assert result.reason == STOPPED
    assert scripted.jobs('out') == []


@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
def test_a_killed_job_is_over_even_if_what_it_has_started_lives(scripted):
    code = 'subprocess.Popen(["sleep", "60"])\nos.kill(os.getpid(), 9)'
    result, _ = run(scripted, 'first', first=code)
    assert result.reason == 'its process was ended by SIGKILL (out of memory?)'


def test_the_number_of_threads_is_handed_on(scripted, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    uri, pipeline = scripted.pipeline('out', first='print(os.environ["OMP_NUM_THREADS"])')
    lines = []
    run_job(Job(uri, 'first'), config_modules(pipeline.config), lines.append, threads=3)
    assert lines[-1] == '3'


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no SIGTERM')
def test_a_job_that_an_engine_ends_cleans_up_once(scripted):
    """An engine tells all processes of a job to end, and the parent tells its child as well."""
    slow_end = """
(root / 'pid').write_text(str(os.getpid()))
try:
    time.sleep(60)
finally:
    time.sleep(0.5)
    (root / 'clean').touch()
"""
    uri, pipeline = scripted.pipeline('out', first=slow_end)
    modules = [part for pair in config_modules(pipeline.config) for part in ('--module', *pair)]
    args = [uri, 'first', '--runner', 'inprocess', *modules]
    folder = scripted.folder / 'out'
    pid_file = folder / 'pid'
    with started([sys.executable, '-m', 'rastervision.pipeline', 'run_command', *args]) as parent:
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
        for process in (int(pid_file.read_text()), parent.pid):
            os.kill(process, signal.SIGTERM)
        assert parent.wait() == 128 + signal.SIGTERM
    assert (folder / 'clean').exists()
    assert read_record(record_uri(str(folder), 'first')).reason == INTERRUPTED


IN_DESTRUCTOR = """
class Slow:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

Slow()
time.sleep(60)
"""
WITH_THREAD = """
import threading
threading.Thread(target=time.sleep, args=[60]).start()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no SIGTERM')
@pytest.mark.parametrize('code', [IN_DESTRUCTOR, WITH_THREAD])
def test_a_job_that_is_told_to_end_ends(scripted, code):
    """Although Python ignores what is raised in a destructor, and waits for threads."""
    grace = 'from rastervision.pipeline.runner import worker\nworker.GRACE_SECONDS = 0.5\n'
    result, _ = run(scripted, 'first', first=grace + code)
    assert result.reason.startswith('its process was ended by SIGKILL')


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('my_config_0123abcd', 'my_config.py'),  # the name that a config file is loaded under
        ('__main__', 'my_config.py'),
        ('shop.config', 'shop/config.py'),
        ('shop', 'shop/__init__.py'),
    ],
)
def test_modules_of_a_job_import_what_lies_beside_them(tmp_path, name, file):
    (tmp_path / 'shop').mkdir()
    (tmp_path / 'parts.py').write_text('NAME = "parts"\n')
    (tmp_path / 'my_config.py').write_text('import parts\nprint(parts.NAME)\n')
    (tmp_path / 'shop' / '__init__.py').write_text('from . import config\n')
    (tmp_path / 'shop' / 'config.py').write_text('import parts\nprint(parts.NAME)\n')
    code = (
        'from rastervision.pipeline.runner.worker import import_modules\n'
        f'import_modules([{(name, str(tmp_path / file))!r}])'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == 'parts\n'
