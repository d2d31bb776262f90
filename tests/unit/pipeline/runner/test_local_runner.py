"""The plan on real worker processes: order, parallelism, failures, and nothing left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import started, wait_until

from rastervision.pipeline.errors import NotWritableError, StageError
from rastervision.pipeline.plan import Job, plan
from rastervision.pipeline.runner import LocalRunner, local_runner
from rastervision.pipeline.runner.job_log import JobLog

posix_only = pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')


def run(pipelines, num_splits=1, commands=()):
    pipelines = dict(pipelines)
    LocalRunner().run_jobs(plan(pipelines, commands, num_splits), pipelines, num_splits)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f'/proc/{pid}/stat')
        return not state.exists() or ') Z ' not in state.read_text()
    except ProcessLookupError:
        return False


def test_jobs_run_in_order_and_leave_logs(scripted, capfd):
    script = {'first': 'print("grüße")', 'last': 'os.write(2, b"from a library\\n")'}
    uri, pipeline = scripted.pipeline('out', **script)
    LocalRunner().run(uri, pipeline, [], num_splits=2)
    scripted.check_all_ran('out')
    lines = capfd.readouterr().out.splitlines()
    assert '[first] grüße' in lines
    assert '[many 2/2] Running many command split 2/2...' in lines
    assert '[last] from a library' in lines
    log = Path(uri).parent / 'logs' / 'first.log'
    assert log.read_text('utf-8') == 'Running first command...\ngrüße\n'


def test_a_worker_goes_on_with_the_next_job(scripted, capfd):
    run([scripted.pipeline('out')])
    assert len({row[3] for row in scripted.record('out')}) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == 'Running first command...', 'a single job has no label'


def test_splits_run_at_the_same_time_but_no_more_than_cores(scripted, monkeypatch):
    def most_at_once(name: str) -> int:
        spans = [(float(r[4]), float(r[5])) for r in scripted.record(name) if r[0] == 'many']
        return max(sum(a <= start < b for a, b in spans) for start, _ in spans)

    code = (
        'deadline = time.time() + 30\nwhile time.time() < deadline and not done(): time.sleep(.01)'
    )
    meet = (
        'def done():\n    (root / f"here{os.getpid()}").touch()\n'
        '    return len(list(root.glob("here*"))) > 1\n'
    )
    monkeypatch.setattr(local_runner, 'cpu_count', lambda: 2)
    run([scripted.pipeline('two', many=meet + code)], 3, ['many'])
    assert most_at_once('two') == 2
    monkeypatch.setattr(local_runner, 'cpu_count', lambda: 1)
    run([scripted.pipeline('one')], 3, ['many'])
    assert most_at_once('one') == 1


def test_a_job_that_prints_all_the_time_holds_up_no_other(scripted, monkeypatch):
    monkeypatch.setattr(local_runner, 'cpu_count', lambda: 2)
    flood = (
        'end = time.monotonic() + 30\n'
        'while not (root.parent / "done").exists():\n'
        '    print("x\\n" * 10_000, flush=True)\n'
        '    assert time.monotonic() < end, "the other one waits"'
    )
    noisy = scripted.pipeline('noisy', first=flood)
    other = scripted.pipeline('other', last='(root.parent / "done").touch()')
    run([noisy, other], 2, commands=['first', 'last'])
    assert sorted(scripted.jobs('other')) == ['first 0/1', 'last 0/1']


def test_a_failure_stops_its_dependants_only(scripted, capfd):
    bad = scripted.pipeline('bad', many__0='print("close to it")\n1 / 0')
    good = scripted.pipeline('good')
    with pytest.raises(StageError) as caught:
        run([bad, good], 2)
    message = str(caught.value)
    log = scripted.folder / 'bad' / 'logs' / 'many-1-of-2.log'
    for text in (
        'many 1/2 failed: ZeroDivisionError: division by zero',
        str(log),
        '    close to it',
        '    ZeroDivisionError: division by zero',
        'Not run because of it: gather, last',
    ):
        assert text in message
    assert 'Traceback' in log.read_text()
    lines = capfd.readouterr().out.splitlines()
    assert '[bad: many 1/2] close to it' in lines
    assert '[good: last] Running last command...' in lines
    assert not any('Traceback' in line for line in lines)
    assert sorted(scripted.jobs('bad')) == ['first 0/1', 'many 1/2']
    assert len(scripted.jobs('good')) == 5


@pytest.mark.parametrize(
    ('code', 'reason'),
    [
        ('raise DataError("a.tif has no pixels")', 'a.tif has no pixels'),
        ('sys.exit(3)', 'exit code 3'),
        ('os._exit(7)', 'its process ended without a word, with exit code 7'),
        pytest.param(
            'os.kill(os.getpid(), 9)',
            'its process was ended by SIGKILL (out of memory?)',
            marks=posix_only,
        ),
        pytest.param(
            'os.kill(os.getpid(), 11)', 'its process was ended by SIGSEGV', marks=posix_only
        ),
    ],
)
def test_each_way_to_fail_is_told(scripted, code, reason):
    with pytest.raises(StageError) as caught:
        run([scripted.pipeline('out', first=code)])
    assert f'first failed: {reason}' in str(caught.value)
    assert scripted.jobs('out') == []


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs a file that is always full')
def test_a_log_that_cannot_be_written_is_named(scripted):
    uri, pipeline = scripted.pipeline('out')
    logs = scripted.folder / 'out' / 'logs'
    logs.mkdir()
    (logs / 'first.log').symlink_to('/dev/full')
    with pytest.raises(NotWritableError, match=r'first\.log: the disk is full'):
        run([(uri, pipeline)])


def test_a_log_that_cannot_be_uploaded_fails_its_job_alone(scripted, monkeypatch):
    close = JobLog.close

    def refuse(log):
        close(log)
        if 'many-1' in log.uri:
            raise NotWritableError('the store is away')

    monkeypatch.setattr(JobLog, 'close', refuse)
    wait = 'time.sleep(.5)'
    uri, pipeline = scripted.pipeline('out', many__0='print("here")', many__1=wait)
    with pytest.raises(StageError) as caught:
        run([(uri, pipeline)], 2)
    assert str(caught.value).splitlines() == [
        'many 1/2 failed: the store is away',
        f'Its log is {Path(uri).parent / "logs" / "many-1-of-2.log"} and ends with',
        '    Running many command split 1/2...',
        '    here',
        'Not run because of it: gather, last',
    ]
    assert scripted.jobs('out')[-1] == 'many 1/2'


def test_an_exit_with_success_is_success(scripted):
    run([scripted.pipeline('out', first='sys.exit()')], commands=['first'])


@posix_only
def test_what_jobs_leave_running_is_ended(scripted):
    code = 'p = subprocess.Popen(["sleep", "60"])\n(root / "pid").write_text(str(p.pid))'
    run([scripted.pipeline('out', first=code)], commands=['first'])
    pid = int((scripted.folder / 'out' / 'pid').read_text())
    wait_until(lambda: not is_alive(pid))


@posix_only
def test_a_dead_worker_whose_child_holds_the_output_is_noticed(scripted):
    code = 'subprocess.Popen(["sleep", "60"])\nos._exit(7)'
    before = time.monotonic()
    with pytest.raises(StageError, match='exit code 7'):
        run([scripted.pipeline('out', first=code)])
    assert time.monotonic() - before < 50


def started_cli(scripted, *args: str, **script: str):
    import json

    command = [
        *(sys.executable, '-m', 'rastervision.pipeline', 'run', 'local', scripted.config_file),
        *('-a', 'root_uri', str(scripted.folder / 'out'), '-a', 'script', json.dumps(script)),
        *args,
    ]
    return started(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding='utf-8',
        env={**os.environ, 'TMPDIR': str(scripted.folder)},
    )


HANG = """
import atexit
child = subprocess.Popen(['sleep', '60'])
with open(tmp_path := f'{tmp_dir}/half', 'w') as file:
    file.write('x')
    print('pids', os.getpid(), child.pid, flush=True)
    time.sleep(60)
"""


@posix_only
@pytest.mark.parametrize(
    ('signal_name', 'code'), [('SIGINT', 130), ('SIGTERM', 143), ('SIGKILL', -9)]
)
def test_no_process_and_no_temporary_file_outlives_the_runner(scripted, signal_name, code):
    import signal

    pids: list[int] = []
    with started_cli(scripted, 'many', '-s', '2', many=HANG) as process:
        for line in process.stdout:  # also shows that lines are passed on while jobs run
            if ' pids ' in line:
                pids += map(int, line.split()[-2:])
            if len(pids) == (4 if local_runner.cpu_count() > 1 else 2):
                break
        assert all(is_alive(pid) for pid in pids)
        process.send_signal(getattr(signal, signal_name))
        process.communicate()
    assert process.returncode == code
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    temporary = [p.name for p in scripted.folder.iterdir() if p.name.startswith('tmp')]
    if signal_name != 'SIGKILL':  # the parent's own directory stays then
        assert temporary == []
    assert not list(scripted.folder.rglob('half'))


@posix_only
def test_a_terminal_shows_lines_and_bars(scripted):
    import pty

    ours, theirs = pty.openpty()
    code = 'for i in track(range(3), desc="pixels"): time.sleep(.5)\nprint("a line")'
    command = [
        *(sys.executable, '-m', 'rastervision.pipeline', 'run', 'local', scripted.config_file),
        *('first', '-a', 'root_uri', str(scripted.folder / 'out')),
        *(
            '-a',
            'script',
            f'{{"first": "{code}"}}'.replace('"pixels"', "'pixels'")
            .replace('\n', '\\n')
            .replace('"a line"', "'a line'"),
        ),
    ]
    env = {**os.environ, 'TERM': 'xterm', 'COLUMNS': '120'}
    with started(command, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        text = b''
        try:
            while chunk := os.read(ours, 65536):
                text += chunk
        except OSError:  # Linux reports the closed terminal so
            pass
        process.wait()
    os.close(ours)
    assert process.returncode == 0, text.decode()
    for part in (b'jobs (first)', b'pixels', b'2/3', b'a line'):
        assert part in text


def test_a_remote_log_is_uploaded(monkeypatch, tmp_path):
    uploads = {}
    monkeypatch.setattr('rastervision.pipeline.runner.job_log.is_local', lambda _: False)
    monkeypatch.setattr(
        'rastervision.pipeline.runner.job_log.upload_or_copy',
        lambda path, uri: uploads.update({uri: Path(path).read_text()}),
    )
    log = JobLog(Job('s3://bucket/run/pipeline-config.json', 'chip', 1, 4))
    log.write('one\ntwo')
    log.close()
    log.close()
    assert uploads == {'s3://bucket/run/logs/chip-2-of-4.log': 'one\ntwo\n'}
    assert list(log.last_lines) == ['one', 'two']
