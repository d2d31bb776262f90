"""Data loaders."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from rastervision.pipeline.errors import DataError
from rastervision.pipeline.utils import cpu_count
from rastervision.pytorch_learner.dataset.subset import refuse_windows
from rastervision.pytorch_learner.training.checkpoint import epoch_seed


def make_loader(
    dataset: Dataset[Any],
    batch_sz: int,
    *,
    sampler: Sampler[int] | None = None,
    num_workers: int = 0,
    collate_fn: Callable[..., Any] | None = None,
    training: bool = False,
    **kwargs: Any,
) -> DataLoader[Any]:
    """Make a loader of batches.

    Args:
        dataset: The dataset.
        batch_sz: Size of the batches; the last one may be smaller.
        sampler: Order of the items; their own by default.
        num_workers: Number of processes that read, at most one for each core. Where starting them
            takes seconds (Windows and macOS) they stay from epoch to epoch; what they draw then
            depends on all epochs before.
        collate_fn: What joins items into batches; `join_items` by default.
        training: A last batch of one item is left out: batch normalization cannot train on it.
        kwargs: Further arguments of torch's DataLoader, which take the place of the above.

    Raises:
        DatasetError: Items come with their windows.
    """
    refuse_windows(dataset)
    count = len(dataset)  # type: ignore[arg-type] # torch's Dataset does not declare it
    arguments = {
        'batch_size': batch_sz,
        'sampler': sampler,
        'num_workers': min(num_workers, cpu_count()),
        'collate_fn': collate_fn or join_items,
        'pin_memory': torch.cuda.is_available(),
        'drop_last': training and count > batch_sz and count % batch_sz == 1,
        **kwargs,
    }
    if 'shuffle' in kwargs:
        arguments['sampler'] = None
    stay = arguments['num_workers'] > 0 and multiprocessing.get_start_method() != 'fork'
    return DataLoader(dataset, **{'persistent_workers': stay, **arguments})


def join_items(items: list[Any]) -> Any:
    """A batch of items, as torch joins them.

    Raises:
        DataError: Images differ in size or in the number of channels.
    """
    try:
        return default_collate(items)
    except RuntimeError:
        check_shapes([x for x, *_ in items])
        raise


def check_shapes(images: Iterable[Any]) -> None:
    """Make sure that the images of a batch have one shape.

    Raises:
        DataError: They have not.
    """
    shapes = sorted({tuple(image.shape) for image in images})
    if len(shapes) > 1:
        raise DataError(
            f'Images of one batch differ in shape: {", ".join(map(str, shapes))}. Give datasets '
            'the same out_size, or data configs an img_sz, and images the same channels.'
        )


class SeededEpochs:
    """Iterates a loader, with a seed of its own for every epoch.

    So an epoch draws the same windows and augmentations however many epochs ran before it in this
    process.
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        seed: int,
        epoch: int,
        advance: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Constructor.

        Args:
            loader: The loader.
            seed: What the seeds are made from.
            epoch: Number of the first epoch.
            advance: Called with 1 when a batch has been used.
        """
        self.loader = loader
        self.seed = seed
        self.epoch = epoch
        self.advance = advance

    def __iter__(self) -> Iterator[Any]:
        torch.manual_seed(epoch_seed(self.seed, self.epoch))
        self.epoch += 1
        for batch in self.loader:
            yield batch
            self.advance(1)

    def __len__(self) -> int:
        return len(self.loader)
