"""When a job of the dask runner waits for a worker in vain: with a double of the client."""

import pytest

from rastervision.pipeline.plan import Job
from rastervision.runners import dask_waiting
from rastervision.runners.dask_waiting import LOOK_SECONDS, Waiting

TRAIN, CHIP = Job('uri', 'train', gpu=True), Job('uri', 'chip')
JOBS = (TRAIN.id, CHIP.id)
CPU, BOTH = {'tcp://a': {}}, {'tcp://a': {}, 'tcp://b': {'GPU': 1}}
NO_GPU = 'no dask worker that announces the resource GPU came within 60 seconds'
NOBODY = 'no dask worker came within 60 seconds'


class Clock:
    """Stands for the module `time`."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def look(monkeypatch):
    """Return a function that looks for workers later on: what is given up, of jobs and places."""
    clock = Clock()
    monkeypatch.setattr(dask_waiting, 'time', clock)

    def look(waiting, places=(), seconds=LOOK_SECONDS):
        clock.now += seconds
        return waiting.in_vain(JOBS, dict(places))

    return look


class Client:
    def __init__(self, workers):
        self.workers = workers

    def scheduler_info(self, n_workers):
        assert n_workers == -1, 'all of them'
        return {'workers': {name: {'resources': r} for name, r in self.workers.items()}}


def waiting_on(client, timeout=60):
    """After both jobs were submitted."""
    waiting = Waiting(client, timeout)
    for job in (TRAIN, CHIP):
        waiting.needs_gpu(job)
    return waiting


def test_a_gpu_is_asked_for_from_when_one_was_seen():
    client = Client(CPU)
    waiting = Waiting(client, 60)
    assert not waiting.needs_gpu(TRAIN)
    client.workers = BOTH
    assert waiting.needs_gpu(TRAIN)
    assert not waiting.needs_gpu(CHIP)
    client.workers = CPU
    assert waiting.needs_gpu(TRAIN)


@pytest.mark.parametrize(
    ('left', 'places', 'given_up'),
    [
        (BOTH, {}, {}),
        (CPU, {}, {TRAIN.id: NO_GPU}),
        ({}, {}, {TRAIN.id: NO_GPU, CHIP.id: NOBODY}),
        (CPU, {TRAIN.id: 'tcp://b on host'}, {TRAIN.id: NO_GPU}),  # its worker is lost
        (CPU, {TRAIN.id: 'tcp://a on host'}, {}),
        ({}, {CHIP.id: 'tcp://a on host'}, {TRAIN.id: NO_GPU, CHIP.id: NOBODY}),
    ],
)
def test_jobs_that_no_worker_can_take_are_told_of_once_and_given_up(
    look, caplog, left, places, given_up
):
    client = Client(BOTH)
    waiting = waiting_on(client)
    client.workers = left
    for _ in range(6):
        assert look(waiting, places) == {}
    assert len(caplog.messages) == len(given_up)
    assert look(waiting, places) == {}, '60 seconds are not too long'
    assert look(waiting, places) == given_up
    assert len(caplog.messages) == len(given_up)


def test_a_worker_that_comes_back_is_in_time(look):
    client = Client(BOTH)
    waiting = waiting_on(client)
    for _ in range(20):
        client.workers = CPU
        assert look(waiting) == {}
        client.workers = BOTH
        assert look(waiting) == {}


def test_without_a_limit_jobs_wait_as_long_as_it_takes(look, caplog):
    client = Client(BOTH)
    waiting = waiting_on(client, timeout=None)
    client.workers = {}
    assert [look(waiting) for _ in range(100)] == [{}] * 100
    assert len(caplog.messages) == 2


def test_looks_are_rare(look):
    client = Client(BOTH)
    waiting = waiting_on(client)
    client.scheduler_info = None
    assert look(waiting, seconds=0.9 * LOOK_SECONDS) == {}
