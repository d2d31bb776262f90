import threading
import time

import pytest
import torch

from rastervision.pytorch_learner.inference.stream import RESULTS_AHEAD, predict_ahead


def double(x):
    return 2 * x


@pytest.fixture
def learner(make_learner):
    return make_learner()


def batches(count):
    return ((torch.full((2,), float(i)), f'batch {i}') for i in range(count))


@pytest.mark.parametrize('count', [0, 1, 2, 20])
def test_results_come_in_order_with_what_belongs_to_them(learner, count):
    results = [(name, x.tolist()) for name, x in predict_ahead(learner, batches(count), double)]
    assert results == [(f'batch {i}', [2.0 * i] * 2) for i in range(count)]


def test_the_model_goes_on_while_a_result_is_used(learner):
    done = threading.Semaphore(0)
    threads = set()

    def predict(x):
        threads.add(threading.get_ident())
        done.release()
        return x

    results = predict_ahead(learner, batches(10), predict)
    next(results)
    for _ in range(1 + RESULTS_AHEAD):
        assert done.acquire(timeout=30)
    assert len(list(results)) == 9
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_no_more_than_some_results_wait(learner):
    predicted = []
    results = predict_ahead(learner, batches(100), lambda x: predicted.append(x) or x)
    next(results)
    time.sleep(0.05)
    assert len(predicted) <= RESULTS_AHEAD + 2
    results.close()


@pytest.mark.parametrize('failing', ['model', 'batches'])
def test_errors_come_in_their_turn_and_no_thread_stays(learner, failing):
    def predict(x):
        if failing == 'model' and x[0] == 2:
            raise RuntimeError('out of memory')
        return x

    def read():
        yield from batches(2)
        if failing == 'batches':
            raise RuntimeError('unreadable')
        yield from batches(3)

    before = {*threading.enumerate()}

    with pytest.raises(RuntimeError, match=r'unreadable|out of memory'):
        list(predict_ahead(learner, read(), predict))
    assert before.issuperset(threading.enumerate())


def test_what_the_batches_have_opened_is_closed_when_the_stream_is(learner):
    closed = threading.Event()

    def read():
        try:
            yield from batches(100)
        finally:
            closed.set()

    results = predict_ahead(learner, read(), double)
    next(results)
    results.close()
    assert closed.is_set()
