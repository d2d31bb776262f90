"""The plan on a real dask cluster: a scheduler and two worker processes, one of them with a GPU."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from subprocess import DEVNULL
from types import SimpleNamespace

import pytest
from servers import free_port, running
from waiting import end, started, wait_until

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.running import run_pipelines as run_under_lock

pytest.importorskip('distributed')
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX'),
]
BEAT = (
    'for _ in range(600):\n    time.sleep(.1)\n    (root / "beat.txt").write_text(str(time.time()))'
)


@pytest.fixture(scope='module')
def cluster(tmp_path_factory):
    """Address of a scheduler with two workers; those that are killed come back."""
    folder = tmp_path_factory.mktemp('dask')
    with ExitStack() as stack:
        port = free_port()
        address = f'tcp://127.0.0.1:{port}'
        stack.enter_context(scheduler(port, folder))
        for kind, more in (('cpu', []), ('gpu', ['--resources', 'GPU=1'])):
            stack.enter_context(dask_worker(address, folder, *more, KIND=kind))
        wait_for_workers(address, 2)
        yield address


def wait_for_workers(address, number):
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(number, timeout=30)


def scheduler(port, folder):
    options = ['--host', '127.0.0.1', '--port', str(port), '--no-dashboard']
    command = [sys.executable, '-m', 'distributed.cli.dask_scheduler', *options]
    return running(command, port, folder / 'scheduler.log')


@contextmanager
def dask_worker(address, folder, *options, **environment):
    command = [sys.executable, '-m', 'distributed.cli.dask_worker', address, *options]
    command += ['--nthreads', '1', '--no-dashboard', '--local-directory', str(folder)]
    process = subprocess.Popen(
        command, stdout=DEVNULL, stderr=DEVNULL, env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        end(process)


@pytest.fixture
def run():
    """Return a function that runs pipelines with settings of section [dask]."""
    from rastervision.runners import DaskRunner

    def run_pipelines(*pipelines, num_splits=1, commands=(), **settings):
        overrides = {f'DASK_{key}': str(value) for key, value in settings.items()}
        rv_config_.set_everett_config(config_overrides=overrides)
        pipelines = dict(pipelines)
        jobs = plan(pipelines, commands, num_splits)
        DaskRunner().run_jobs(jobs, pipelines, num_splits)

    yield run_pipelines
    rv_config_.set_everett_config()


def test_jobs_run_in_order_on_workers_that_fit(run, cluster, scripted, capfd):
    script = {'first': 'print("grüße")', 'last': 'print(os.environ["KIND"])'}
    meet = (
        '(root / os.environ["KIND"]).touch()\n'
        'for _ in range(6000):\n'
        '    if all((root / kind).exists() for kind in ("cpu", "gpu")): break\n'
        '    time.sleep(.01)\n'
        'else:\n'
        '    raise DataError("both jobs are on one worker")'
    )
    uri, pipeline = scripted.pipeline('out', **script, many=meet)
    run((uri, pipeline), num_splits=2, address=cluster)
    scripted.check_all_ran('out')
    lines = capfd.readouterr().out.splitlines()
    assert '[first] grüße' in lines
    assert '[many 2/2] Running many command split 2/2...' in lines
    assert '[last] gpu' in lines
    log = scripted.folder / 'out' / 'logs' / 'first.log'
    assert log.read_text('utf-8') == 'Running first command...\ngrüße\n'


def test_a_job_whose_worker_is_killed_runs_on_another(run, cluster, scripted, caplog):
    code = (
        'mark, clean = root / "killed", root / "clean"\n'
        'if mark.exists():\n'
        '    assert clean.exists(), "the first attempt still runs"\n'
        'else:\n'
        '    mark.touch()\n'
        '    os.kill(os.getppid(), 9)\n'
        '    try:\n'
        '        time.sleep(60)\n'
        '    finally:\n'
        '        time.sleep(3)\n'
        '        clean.touch()'
    )
    run(scripted.pipeline('out', many__0=code), num_splits=2, address=cluster)
    assert sorted(scripted.jobs('out')) == [
        'first 0/1', 'gather 0/2', 'last 0/1', 'many 0/2', 'many 1/2',
    ]  # fmt: skip
    assert any('many 1/2 starts anew' in message for message in caplog.messages)


def test_a_failed_job_stops_its_dependants_only(run, cluster, scripted):
    bad = scripted.pipeline('bad', many__1='print("near")\nraise ValueError("no pixels")')
    with pytest.raises(StageError) as caught:
        run(bad, scripted.pipeline('good'), num_splits=2, address=cluster)
    text = str(caught.value)
    assert text.startswith('many 2/2 failed: ValueError: no pixels\nIts log is ')
    assert '\n    near\n' in text
    assert text.endswith('Not run because of it: gather, last')
    assert sorted(scripted.jobs('bad')) == ['first 0/1', 'many 0/2']
    assert len(scripted.jobs('good')) == 5


def test_a_job_that_is_killed_is_not_started_anew(run, cluster, scripted):
    with pytest.raises(StageError, match='ended by SIGKILL'):
        run(scripted.pipeline('out', first='os.kill(os.getpid(), 9)'), address=cluster)


@pytest.mark.parametrize(
    ('own', 'signum'), [(False, signal.SIGINT), (False, signal.SIGKILL), (True, signal.SIGINT)]
)
def test_jobs_end_with_the_run(cluster, scripted, signum, own):
    args = ['-a', 'root_uri', scripted.folder / 'out', '-a', 'script', json.dumps({'first': BEAT})]
    command = [sys.executable, '-m', 'rastervision.pipeline', 'run', 'dask', scripted.config_file]
    address = {} if own else {'DASK_ADDRESS': cluster}
    beat = scripted.folder / 'out' / 'beat.txt'
    options = {'env': {**os.environ, **address}, 'start_new_session': True, 'text': True}
    with started([*command, *args], 120, stderr=subprocess.PIPE, **options) as client:
        wait_until(beat.exists)
        os.killpg(client.pid, signum)  # as a terminal does it for Ctrl-C
        error = client.communicate(timeout=60)[1]
    if signum == signal.SIGINT:
        assert (client.returncode, error) == (130, 'Interrupted.\n')
    else:
        wait_until(lambda: time.time() - beat.stat().st_mtime > 2, 30)
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last, 'no job goes on'


def test_a_lost_scheduler_is_an_error(run, scripted, tmp_path):
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(scheduler(port, tmp_path))
        address = f'tcp://127.0.0.1:{port}'
        stack.enter_context(dask_worker(address, tmp_path))
        code = f'{address=}\nfrom distributed import Client\n'
        code += 'Client(address, set_as_default=False).shutdown()\n' + BEAT
        with pytest.raises(StageError, match='The dask scheduler is gone, or'):
            run(scripted.pipeline('out', first=code), address=address)


def test_a_job_waits_for_a_gpu_for_some_time_only(run, scripted, tmp_path, caplog, monkeypatch):
    """The worker with the GPU leaves when its job is about to be ready."""
    monkeypatch.setattr('rastervision.runners.dask_waiting.LOOK_SECONDS', 0.1)
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(scheduler(port, tmp_path))
        address = f'tcp://127.0.0.1:{port}'
        stack.enter_context(dask_worker(address, tmp_path))
        code = (
            'from contextlib import suppress\n'
            'from distributed import Client\n'
            '# the worker that leaves may be the one of this job, and take its connection with it\n'
            f'with suppress(OSError), Client({address!r}, set_as_default=False) as client:\n'
            '    workers = client.scheduler_info(n_workers=-1)["workers"]\n'
            '    gpus = [name for name, worker in workers.items() if worker["resources"]]\n'
            '    client.retire_workers(gpus)'
        )
        gpu = ['--resources', 'GPU=1', '--no-nanny']
        stack.enter_context(dask_worker(address, tmp_path, *gpu))
        wait_for_workers(address, 2)
        no_gpu = 'no dask worker that announces the resource GPU came'
        with pytest.raises(StageError, match=no_gpu) as caught:
            run(scripted.pipeline('out', many=code), address=address, timeout=3)
        assert 'Its log' not in str(caught.value)
    ran = dict.fromkeys(scripted.jobs('out'))  # 'many' twice if it was on the worker that left
    assert [*ran] == ['first 0/1', 'many 0/1']
    assert caplog.messages[-1].startswith('There is no dask worker that announces the resource GPU')


def test_a_gpu_that_comes_later_is_used(run, scripted, tmp_path):
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(scheduler(port, tmp_path))
        address = f'tcp://127.0.0.1:{port}'
        stack.enter_context(dask_worker(address, tmp_path, KIND='cpu'))
        command = [sys.executable, '-m', 'distributed.cli.dask_worker', address, '--no-dashboard']
        command += ['--nthreads', '1', '--resources', 'GPU=1']
        code = (
            'from subprocess import Popen, DEVNULL\n'
            f'Popen({command!r}, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True, '
            'env={**os.environ, "KIND": "gpu"})\n'
            'from distributed import Client\n'
            f'with Client({address!r}, set_as_default=False) as client:\n'
            '    client.wait_for_workers(2, timeout=30)'
        )
        last = '(root / "kind").write_text(os.environ["KIND"])'
        run(scripted.pipeline('out', many=code, last=last), address=address)
    assert (scripted.folder / 'out' / 'kind').read_text() == 'gpu'


def test_inputs_are_checked_for_workers_of_this_machine(scripted, monkeypatch):
    uri, pipeline = scripted.pipeline('out')
    monkeypatch.setattr(type(pipeline), 'check_inputs', lambda self, commands: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_under_lock({uri: pipeline}, (), 'dask')
    monkeypatch.setenv('DASK_ADDRESS', f'tcp://127.0.0.1:{free_port()}')
    with pytest.raises(ConfigError, match='No dask scheduler answers'):
        run_under_lock({uri: pipeline}, (), 'dask')


def test_workers_of_this_machine(run, scripted, capfd):
    """The default cluster; a worker that is lost too often fails the job."""
    pipeline = scripted.pipeline('out', many__1='os.kill(os.getppid(), 9)\ntime.sleep(60)')
    lost = r'many 2/2 failed: its worker tcp://\S+ was lost \(.*\nIts log is .+many-2-of-2\.log'
    with pytest.raises(StageError, match=lost):
        run(pipeline, num_splits=2, retries=0)
    assert sorted(scripted.jobs('out')) == ['first 0/1', 'many 0/2']
    output = capfd.readouterr()
    assert output.err == ''
    assert '[first] Running first command...' in output.out.splitlines()


def test_a_cluster_of_the_settings(run, scripted, capfd):
    options = {'n_workers': 0, 'processes': False, 'dashboard_address': ':0'}
    settings = {'cluster': 'distributed.LocalCluster', 'cluster_options': json.dumps(options)}
    run(scripted.pipeline('out'), commands=['first'], **settings)
    assert scripted.jobs('out') == ['first 0/1']
    assert 'Waiting for a worker of distributed.LocalCluster...' in capfd.readouterr().out


def test_a_queue_that_takes_no_workers_is_an_error(run, scripted, monkeypatch):
    from distributed import Scheduler, SpecCluster
    from distributed.deploy.spec import ProcessInterface

    class Job(ProcessInterface):
        def __init__(self, scheduler, name):
            super().__init__(name=name)

        async def start(self):
            raise RuntimeError('sbatch: error: invalid partition\nspecified: gpu')

    def cluster():
        options = {'dashboard': False, 'dashboard_address': ':0'}
        return SpecCluster({}, {'cls': Scheduler, 'options': options}, {'cls': Job, 'options': {}})

    monkeypatch.setitem(sys.modules, 'some_queue', SimpleNamespace(Cluster=cluster))
    with pytest.raises(ConfigError, match='RuntimeError: sbatch: error: invalid partition specif'):
        run(scripted.pipeline('out'), cluster='some_queue.Cluster')


def test_errors_of_a_cluster_are_one_line(run, scripted, tmp_path):
    pipeline = scripted.pipeline('out')
    port = free_port()
    address = f'tcp://127.0.0.1:{port}'
    with pytest.raises(ConfigError, match=f"No dask scheduler answers at '{address}'"):
        run(pipeline, address=address)
    with scheduler(port, tmp_path), pytest.raises(StageError, match='No dask worker came within'):
        run(pipeline, address=address, timeout=0.2)
    with pytest.raises(ConfigError, match='pip install dask-jobqueue'):
        run(pipeline, cluster='dask_nowhere.Cluster')
    with pytest.raises(ConfigError, match=r'Cannot start fractions\.Fraction with'):
        run(pipeline, cluster='fractions.Fraction', cluster_options='{"cores": 4}')
    assert scripted.jobs('out') == []


@pytest.mark.slow  # trains twice
def test_outputs_are_those_of_the_local_runner(cluster, project, cli, monkeypatch):
    monkeypatch.setenv('DASK_ADDRESS', cluster)
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # as dask sets it for workers
    files = {}
    for runner in ('local', 'dask'):
        root = project / 'root'
        args = ('-a', 'root_uri', root, '-s', '2', 'analyze', 'train', 'predict')
        cli('run', runner, project / 'config.py', *args)
        files[runner] = {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob('*')
            if path.is_file() and not {'state', 'logs'} & {*path.parts}
        }
        root.rename(project / runner)
    assert files['local'].keys() == files['dask'].keys()
    differ = [name for name, data in files['local'].items() if files['dask'][name] != data]
    timed = {f'train/{name}' for name in ('log.csv', 'metrics.json', 'valid_metrics.json')}
    assert set(differ) <= timed
