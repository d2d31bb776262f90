"""Running a model over a stream of batches: reading, computing and using the results overlap."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from rastervision.core.utils.read_ahead import iterate_ahead, map_ahead

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner_inference import LearnerInference

T = TypeVar('T')
R = TypeVar('R')

RESULTS_AHEAD = 3
"""Batches of results that may wait for the one who uses them."""


def predict_ahead(
    learner: 'LearnerInference',
    batches: Iterable[tuple[Any, T]],
    predict: Callable[[Any], R],
    beside: int = 1,
) -> Generator[tuple[T, R], None, None]:
    """Predict batches while they are used and, if the batches are read ahead, while they are read.

    The model runs in a thread of its own. All of PyTorch's work is done there: a second thread that
    computes with PyTorch would bring a second set of helper threads, and those would compete.

    Args:
        learner: Says where the model is.
        batches: Input of the model, and whatever belongs to it; iterated in the model's thread.
        predict: Gives the result of an input, on the model's device: a tensor, or anything with
            `to` such as a BoxList, or a list of those.
        beside: On a CPU, how many batches are computed beside each other, by one thread each. With
            other numbers of threads, PyTorch rounds in other ways; so workers that share the cores
            would not give the same bytes as one that has them all. 1 leaves the threads to PyTorch.

    Yields:
        What belongs to a batch, and the result on the CPU, in the order of the batches.
    """
    if beside == 1:
        return iterate_ahead(_predictions(learner, batches, predict), RESULTS_AHEAD)
    return iterate_ahead(_predictions_beside(batches, predict, beside), RESULTS_AHEAD)


def _predictions(
    learner: 'LearnerInference',
    batches: Iterable[tuple[Any, T]],
    predict: Callable[[Any], R],
) -> Iterator[tuple[T, R]]:
    """Results in turn; a GPU computes the next one while one is on its way."""
    on_the_way: deque[tuple[T, Callable[[], R]]] = deque()
    on_gpu = learner.device.type == 'cuda'
    for x, rest in batches:
        on_the_way.append((rest, _fetch(learner, predict(x))))
        if len(on_the_way) > on_gpu:
            first, wait = on_the_way.popleft()
            yield first, wait()
    for last, wait in on_the_way:
        yield last, wait()


def _predictions_beside(
    batches: Iterable[tuple[Any, T]], predict: Callable[[Any], R], beside: int
) -> Iterator[tuple[T, R]]:
    """Results in turn, of several batches at once, each by one thread."""
    threads = torch.get_num_threads()

    def compute(item: tuple[Any, T]) -> tuple[T, R]:
        torch.set_num_threads(1)
        return item[1], predict(item[0])

    try:
        yield from map_ahead(compute, batches, ahead=beside, workers=beside)
    finally:
        torch.set_num_threads(threads)


def _fetch(learner: 'LearnerInference', result: R) -> Callable[[], R]:
    """Start to copy a result to the CPU; returns what waits for it."""
    on_cpu: R = _start_copy(result)
    if learner.device.type != 'cuda':
        return lambda: on_cpu
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch does not say
    copied.record(torch.cuda.current_stream(learner.device))

    def wait() -> R:
        copied.synchronize()
        return on_cpu

    return wait


def _start_copy(result: Any) -> Any:
    if isinstance(result, list):
        return [_start_copy(one) for one in result]
    return result.to('cpu', non_blocking=True)
