"""One run at a time writes to a folder, and a dead one blocks nobody."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rastervision.pipeline import run_lock
from rastervision.pipeline.errors import NotWritableError
from rastervision.pipeline.process import process_start
from rastervision.pipeline.run_lock import RunLock
from rastervision.pipeline.state import current_run

HOLD = """
import sys, time
from rastervision.pipeline.run_lock import RunLock
with RunLock('local', lambda: (), lambda runner, jobs: False) as lock:
    lock.take([sys.argv[1]])
    print(lock.run, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'root'


def make(engine_jobs=(), is_running=None):
    return RunLock('slurm', lambda: engine_jobs, lambda runner, jobs: is_running)


def content(root):
    return json.loads((root / 'state/lock.json').read_text())


def change(root, **fields):
    (root / 'state/lock.json').write_text(json.dumps(content(root) | fields))


def files(root):
    return {path.name for path in (root / 'state').iterdir()}


def refused(root, *words, **kwargs):
    with make(**kwargs) as lock, pytest.raises(NotWritableError) as caught:
        lock.take([str(root)])
    for word in ('Another run', str(root), 'since', 'lock.json', *words):
        assert word in str(caught.value)
    assert '\n' not in str(caught.value)


def taken(root, **kwargs):
    with make(**kwargs) as lock:
        lock.take([str(root)])
        return current_run(str(root)) == lock.run


def test_a_lock_is_there_while_it_is_held(root):
    with make() as lock:
        assert lock.take([str(root), root.as_uri()])
        assert not lock.take([str(root)])
        assert current_run(str(root)) == lock.run
        refused(root, f'process {os.getpid()}')
    assert files(root) == set()


def test_all_locks_of_a_run_are_released_when_one_is_not_free(tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'
    with make() as other:
        other.take([str(two)])
        with make() as lock, pytest.raises(NotWritableError):
            lock.take([str(one), str(two)])
        assert files(one) == set()
        assert current_run(str(two)) == other.run


def test_a_run_that_was_killed_blocks_nobody(root, caplog):
    child = subprocess.Popen([sys.executable, '-c', HOLD, str(root)], stdout=subprocess.PIPE)
    try:
        run = child.stdout.readline().decode().strip()
        assert current_run(str(root)) == run
        refused(root, f'process {child.pid}')
    finally:
        child.send_signal(signal.SIGTERM if sys.platform == 'win32' else signal.SIGKILL)
        child.wait()
        child.stdout.close()
    with caplog.at_level('INFO'):
        assert taken(root)
    assert 'Taking over' in caplog.text
    assert files(root) == set()


@pytest.mark.skipif(process_start(os.getpid()) is None, reason='no start times of processes here')
def test_another_process_with_the_same_number_is_not_the_run(root):
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', started='long ago')
        assert taken(root)


def test_a_run_on_another_machine_lives_if_its_counter_moves(root, monkeypatch):
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', host='elsewhere', interval=0.2)
        assert taken(root), 'the counter stood still'
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', host='elsewhere', interval=20)
        timer = threading.Timer(0.3, change, [root], {'beat': 7})
        timer.start()
        refused(root, 'elsewhere')
        timer.join()
        assert content(root)['run'] == 'other', 'what is not ours is not released'


def test_a_run_moves_its_counter(root, monkeypatch):
    monkeypatch.setattr(run_lock, 'INTERVAL', 0.02)
    beaten = threading.Event()
    write = run_lock.json_to_file

    def watch(value, uri):
        write(value, uri)
        if value.get('beat', 0) >= 3:
            beaten.set()

    monkeypatch.setattr(run_lock, 'json_to_file', watch)
    with make() as lock:
        lock.take([str(root)])
        assert beaten.wait(30)
    assert files(root) == set()


def test_a_run_whose_lock_was_taken_over_says_so(root, monkeypatch, caplog):
    monkeypatch.setattr(run_lock, 'INTERVAL', 0.05)
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other')
        for thread in threading.enumerate():
            if thread.daemon and thread is not threading.current_thread():
                thread.join(5)
    assert 'Another run has taken over' in caplog.text
    assert content(root)['run'] == 'other'


@pytest.mark.parametrize(('is_running', 'free'), [(True, False), (None, False), (False, True)])
def test_jobs_of_an_engine_go_on_without_the_process(root, is_running, free):
    with make(['17', '18'], is_running=is_running) as lock:
        lock.take([str(root)])
    assert (files(root) == set()) == free
    if not free:
        change(root, pid=0)
        refused(root, 'jobs 17, 18 of slurm', is_running=is_running)
        assert taken(root, is_running=False)


@pytest.mark.parametrize('text', ['', '{}', '[]', 'half of a fi'])
def test_a_damaged_lock_is_no_lock(root, text):
    (root / 'state').mkdir(parents=True)
    (root / 'state/lock.json').write_text(text)
    assert taken(root)
    assert files(root) == set()


def test_of_many_that_take_over_one_succeeds(root):
    with make() as lock:
        lock.take([str(root)])
        dead = content(root) | {'run': 'dead', 'pid': 0}
    (root / 'state/lock.json').write_text(json.dumps(dead))
    hold, won = threading.Event(), []

    def attempt(_):
        with make() as lock:
            try:
                lock.take([str(root)])
            except NotWritableError:
                return
            won.append(lock.run)
            hold.wait(20)

    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(attempt, i) for i in range(8)]
        while sum(f.done() for f in futures) < 7:
            threading.Event().wait(0.05)
        hold.set()
    assert len(won) == 1
    assert files(root) == set()


def test_a_run_that_died_while_taking_over_blocks_nobody(root):
    with make() as lock:
        lock.take([str(root)])
        dead = content(root) | {'run': 'dead', 'pid': 0}
    (root / 'state/lock.json').write_text(json.dumps(dead))
    (root / 'state/lock-dead.json').write_text('{}')
    assert taken(root)
    assert files(root) == set()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    with make() as lock, pytest.raises(NotWritableError, match='file'):
        lock.take([str(Path(tmp_path, 'file', 'root'))])


def test_processes_are_told_by_their_start():
    mine = process_start(os.getpid())
    assert mine == process_start(os.getpid())
    if mine is not None:
        assert process_start(1) != mine
    assert process_start(2**22 + 1) is None
