"""One run at a time writes to a folder, and a dead one blocks nobody."""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pytest
from waiting import SECONDS, started, wait_until

from rastervision.pipeline import run_lock
from rastervision.pipeline.errors import NotReadableError, NotWritableError
from rastervision.pipeline.file_system import json_to_file
from rastervision.pipeline.file_system.local_file_system import LocalFileSystem
from rastervision.pipeline.process import process_start, this_process
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
    json_to_file(content(root) | fields, str(root / 'state/lock.json'))


@pytest.fixture
def between_looks(monkeypatch):
    """Return a function that says what happens between two looks of a run at a lock."""

    def happens(function, *args, **kwargs):
        sleep = {'sleep': lambda _: function(*args, **kwargs)}
        monkeypatch.setattr(run_lock, 'time', SimpleNamespace(**vars(time) | sleep))

    return happens


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
        assert lock.take([str(root), root.as_uri(), os.path.relpath(root)])
        assert not lock.take([f'{root}/'])
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
    with started([sys.executable, '-c', HOLD, root], stdout=PIPE, text=True) as child:
        run = child.stdout.readline().strip()
        assert current_run(str(root)) == run
        refused(root, f'process {child.pid}')
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


def test_a_run_on_another_machine_lives_if_its_counter_moves(root, between_looks):
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', host='elsewhere', interval=0.2)
        assert taken(root), 'the counter stood still'
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', host='elsewhere', interval=20)
        between_looks(change, root, beat=7)
        refused(root, 'elsewhere')
        assert content(root)['run'] == 'other', 'what is not ours is not released'


def test_a_run_in_another_container_of_this_machine_is_watched_not_looked_up(root, between_looks):
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', pids='pid:[1]', pid=0, interval=20)
        between_looks(change, root, beat=7)
        refused(root, 'process 0')


def test_a_run_that_ends_while_it_is_watched_makes_room(root, between_looks):
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other', host='elsewhere', interval=20)
        between_looks((root / 'state/lock.json').unlink)
        assert taken(root)


@pytest.fixture
def beats(monkeypatch):
    """Beats come fast; a function that waits until a lock has been written some more times."""
    monkeypatch.setattr(run_lock, 'INTERVAL', 0.02)
    write, written = run_lock.json_to_file, threading.Semaphore(0)

    def watch(value, uri):
        write(value, uri)
        written.release()

    monkeypatch.setattr(run_lock, 'json_to_file', watch)
    return lambda count: [written.acquire(timeout=30) for _ in range(count)] == [True] * count


def test_a_run_moves_its_counter(root, beats):
    with make() as lock:
        lock.take([str(root)])
        assert beats(3)
        assert content(root)['beat'] >= 3
    assert files(root) == set()


def failing(monkeypatch, method, error):
    """Let a method of the store fail once; an event that tells when it has."""
    works, failed = getattr(LocalFileSystem, method), threading.Event()

    def fail_once(uri, *args):
        if uri.endswith('lock.json') and not failed.is_set():
            failed.set()
            raise error('the store is away')
        return works(uri, *args)

    monkeypatch.setattr(LocalFileSystem, method, staticmethod(fail_once))
    return failed


@pytest.mark.parametrize(
    ('method', 'error'), [('read_bytes', NotReadableError), ('write_str', NotWritableError)]
)
def test_a_store_that_fails_once_ends_no_heartbeat(root, beats, monkeypatch, caplog, method, error):
    with make() as lock:
        lock.take([str(root)])
        assert beats(1)
        failed = failing(monkeypatch, method, error)
        assert failed.wait(30)
        assert beats(3)
        assert current_run(str(root)) == lock.run
    assert 'the store is away' in caplog.text
    assert 'taken over' not in caplog.text
    assert files(root) == set()


def test_a_lock_that_cannot_be_read_is_neither_released_nor_taken(root, monkeypatch, caplog):
    with make() as lock:
        lock.take([str(root)])
        before = content(root)
        failing(monkeypatch, 'read_bytes', NotReadableError)
        with make() as other, pytest.raises(NotReadableError, match='the store is away'):
            other.take([str(root)])
        failing(monkeypatch, 'read_bytes', NotReadableError)
    assert content(root) == before
    assert 'stays: the store is away' in caplog.text


def test_the_lock_knows_the_jobs_of_the_engine_when_it_is_told(tmp_path):
    jobs, roots = [], [tmp_path / 'one', tmp_path / 'two']
    with RunLock('slurm', lambda: jobs, lambda *_: False) as lock:
        lock.take(map(str, roots))
        jobs.append('17')
        assert [content(root)['engine_jobs'] for root in roots] == [[], []]
        lock.note()
        assert [content(root)['engine_jobs'] for root in roots] == [['17'], ['17']]
        jobs.append('18')
        lock.note()
        assert content(roots[0])['engine_jobs'] == ['17', '18']


def test_jobs_that_the_lock_cannot_know_are_an_error(root, monkeypatch):
    with make(['17'], is_running=False) as lock:
        lock.take([str(root)])
        failing(monkeypatch, 'write_str', NotWritableError)
        with pytest.raises(NotWritableError, match='the store is away'):
            lock.note()
        lock.note()
        mine = content(root)
        change(root, run='other')
        with pytest.raises(NotWritableError, match='taken over'):
            lock.note()
        assert content(root)['run'] == 'other'
        change(root, **mine)
    lock.note()
    assert files(root) == set(), 'what is released does not come back'


def test_a_lock_that_somebody_has_removed_comes_back(root):
    with make() as lock:
        lock.take([str(root)])
        (root / 'state/lock.json').unlink()
        lock.note()
        assert current_run(str(root)) == lock.run


def test_a_lock_that_is_half_written_is_not_free(root, between_looks):
    with make() as lock:
        lock.take([str(root)])
        whole = (root / 'state/lock.json').read_text()
        (root / 'state/lock.json').write_text(whole[:20])
        between_looks((root / 'state/lock.json').write_text, whole)
        refused(root)


def test_clocks_of_two_machines_do_not_matter(root, monkeypatch):
    """A machine whose clock is hours ahead, or behind, neither ends a live run nor keeps a dead."""
    for since in ('2001-01-01T00:00:00+00:00', '2099-01-01T00:00:00+00:00'):
        monkeypatch.setattr(run_lock, 'now', lambda since=since: since)
        with make() as lock:
            lock.take([str(root)])
            monkeypatch.undo()
            refused(root, f'process {os.getpid()}', since)
            change(root, run='other', host='elsewhere', interval=0.2)
            assert taken(root), 'its counter stood still'


def test_a_run_whose_lock_was_taken_over_says_so(root, monkeypatch, caplog):
    monkeypatch.setattr(run_lock, 'INTERVAL', 0.05)
    with make() as lock:
        lock.take([str(root)])
        change(root, run='other')
        wait_until(lambda: 'taken over' in caplog.text)
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


WRONG = [{'pid': 'x'}, {'pid': None}, {'interval': 'abc', 'host': 'elsewhere'}]
WRONG += [{'engine_jobs': 7}, {'engine_jobs': [7]}, {'run': 5}, {'run': ''}, {'run': '/../../mine'}]


@pytest.mark.parametrize('damage', ['', '{}', '[]', 'half of a fi', *WRONG], ids=str)
def test_a_damaged_lock_is_no_lock(root, monkeypatch, damage):
    """No text of it becomes a path, either."""
    monkeypatch.setattr(run_lock, 'PAUSE', 0.05)
    whole = {'run': 'r', **this_process()}
    text = damage if isinstance(damage, str) else json.dumps(whole | damage)
    (root / 'state/lock-').mkdir(parents=True)
    (root / 'mine.json').write_text('{}')
    (root / 'state/lock.json').write_text(text)
    assert taken(root)
    assert files(root) == {'lock-'}
    assert (root / 'mine.json').exists()


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
            hold.wait(SECONDS)

    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(attempt, i) for i in range(8)]
        wait_until(lambda: sum(f.done() for f in futures) >= 7, 2 * SECONDS)
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
