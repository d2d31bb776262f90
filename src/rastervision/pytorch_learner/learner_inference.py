"""The part of a Learner that uses a model: predictions, and pictures of them."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from rastervision.core.utils.read_ahead import iterate_ahead
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.progress import track
from rastervision.pytorch_learner.data_config import Split
from rastervision.pytorch_learner.dataset.tensors import is_missing, scale_to_unit
from rastervision.pytorch_learner.inference.stream import predict_ahead
from rastervision.pytorch_learner.learner_engine import LearnerEngine
from rastervision.pytorch_learner.training.loaders import make_loader

BATCHES_AHEAD = 2
_SHIFTS = (0, 0.5, 0.25, 0.75)
"""Where to look for items with labels between others, as shares of the distance."""

ReturnFormat = Literal['xyz', 'yz', 'z']


class LearnerInference(LearnerEngine):
    """Predicts with the model; see `Learner`."""

    def predict(
        self, x: Tensor, raw_out: bool = False, out_shape: tuple[int, int] | None = None
    ) -> Tensor:
        """Predict a batch.

        Args:
            x: (N, C, H, W) images, or one without N.
            raw_out: Give scores instead of labels.
            out_shape: (height, width) to which scores are resized if they have any; for semantic
                segmentation.

        Returns:
            Labels or float32 scores, on the device. For semantic segmentation, class ids
            (N, h, w) uint8 or softmax scores (N, K, h, w).
        """
        batch = self.to_device(self.to_batch(x).float(), self.device)
        with torch.inference_mode():
            return self.postprocess_model_output(self.forward(batch), raw_out, out_shape)

    def predict_onnx(
        self, x: Tensor, raw_out: bool = False, out_shape: tuple[int, int] | None = None
    ) -> Tensor:
        """Predict a batch from ONNX; see `predict`.

        Raises:
            ConfigError: The learner has no model as ONNX, or was told not to use it.
        """
        if not self.onnx_mode:
            raise ConfigError(
                'There is no ONNX model in use: load a bundle that has one with '
                'from_model_bundle(..., use_onnx_model=True), or call predict().'
            )
        return self.predict(x, raw_out, out_shape)

    def postprocess_model_output(
        self, out: Tensor, raw_out: bool = False, out_shape: tuple[int, int] | None = None
    ) -> Tensor:
        """Scores or labels of what the model gave; arguments as for `predict`."""
        scores = self.task.decode(out, out_shape)
        return scores if raw_out else self.prob_to_pred(scores)

    def prob_to_pred(self, x: Tensor) -> Tensor:
        """Labels of scores."""
        return self.task.best(x)

    def predict_dataset(
        self,
        dataset: Dataset[Any],
        return_format: ReturnFormat = 'z',
        raw_out: bool = True,
        numpy_out: bool = False,
        predict_kw: Mapping[str, Any] | None = None,
        dataloader_kw: Mapping[str, Any] | None = None,
        progress_bar: bool = True,
        progress_bar_kw: Mapping[str, Any] | None = None,
    ) -> Iterator[Any]:
        """Predict the items of a dataset, one by one.

        Args:
            dataset: Gives (x, y).
            return_format: What to give of image, label and prediction.
            raw_out: Give scores instead of labels.
            numpy_out: Give arrays instead of tensors.
            predict_kw: Further arguments of `predict`.
            dataloader_kw: Further arguments of torch's DataLoader, such as `batch_size`.
            progress_bar: Show the progress.
            progress_bar_kw: Further arguments of `rastervision.pipeline.progress.track`.

        Yields:
            z, (y, z) or (x, y, z) of an item, on the CPU.
        """
        loader = make_loader(
            dataset,
            self.batch_sz,
            collate_fn=self.get_collate_fn(),
            **{'num_workers': self.cfg.data.num_workers, **(dataloader_kw or {})},
        )
        items = self.predict_dataloader(loader, False, return_format, raw_out, predict_kw)
        if numpy_out:
            items = (self._to_numpy(item) for item in items)
        if progress_bar:
            options = {'total': len(dataset), 'desc': 'Predicting', **(progress_bar_kw or {})}  # type: ignore[arg-type] # any Dataset
            items = track(items, **options)
        return items

    def predict_dataloader(
        self,
        dl: DataLoader[Any],
        batched_output: bool = True,
        return_format: ReturnFormat = 'z',
        raw_out: bool = True,
        predict_kw: Mapping[str, Any] | None = None,
    ) -> Iterator[Any]:
        """Predict the batches of a loader; they are read while the model computes.

        Args:
            dl: Gives batches (x, y).
            batched_output: Give batches instead of items.
            return_format: What to give of image, label and prediction.
            raw_out: Give scores instead of labels.
            predict_kw: Further arguments of `predict`.

        Yields:
            z, (y, z) or (x, y, z), on the CPU.

        Raises:
            ValueError: return_format is none of 'xyz', 'yz' and 'z'.
        """
        if return_format not in {'xyz', 'yz', 'z'}:
            raise ValueError(f"return_format must be 'xyz', 'yz' or 'z', got {return_format!r}.")
        return self._predictions(dl, batched_output, return_format, raw_out, predict_kw or {})

    def _predictions(
        self,
        dl: DataLoader[Any],
        batched_output: bool,
        return_format: ReturnFormat,
        raw_out: bool,
        predict_kw: Mapping[str, Any],
    ) -> Iterator[Any]:
        batches = iter(dl) if dl.num_workers else _read_ahead(dl)
        predict = partial(self.predict, raw_out=raw_out, **predict_kw)
        for (x, y), z in predict_ahead(self, ((x, (x, y)) for x, y in batches), predict):
            parts = (x, y, z)[-len(return_format) :]
            if batched_output:
                yield parts if len(parts) > 1 else z
            elif len(parts) > 1:
                yield from zip(*parts, strict=True)
            else:
                yield from z

    def output_to_numpy(self, out: Tensor) -> NDArray[Any]:
        """An output of `predict` as an array."""
        return out.cpu().numpy()

    def _to_numpy(self, item: Any) -> Any:
        if isinstance(item, tuple):
            *given, z = item
            arrays = [
                part.numpy() if isinstance(part, Tensor) else self.output_to_numpy(part)
                for part in given  # labels may be what outputs are, such as boxes
            ]
            return *arrays, self.output_to_numpy(z)
        return self.output_to_numpy(item)

    def normalize_input(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels as float32; unsigned integers are scaled to [0, 1], as datasets do it."""
        return scale_to_unit(x)

    def to_batch(self, x: Tensor) -> Tensor:
        """A batch; a single image becomes a batch of one."""
        return x[None] if x.ndim == 3 else x

    def to_device(self, x: Any, device: str | torch.device) -> Any:
        """Tensors in lists, tuples and dictionaries on a device."""
        if isinstance(x, dict):
            return {k: self.to_device(v, device) for k, v in x.items()}
        if isinstance(x, (list, tuple)):
            return type(x)(self.to_device(v, device) for v in x)
        # what comes to the CPU is used at once, so it has to be there
        on_gpu = torch.device(device).type != 'cpu'
        return x.to(device, non_blocking=on_gpu) if hasattr(x, 'to') else x

    # --- pictures

    def plot_dataloaders(self, batch_limit: int | None = None, show: bool = False) -> None:
        """Draw some items of each split."""
        for split in ('train', 'valid'):
            loader = {'train': self.train_dl, 'valid': self.valid_dl}[split]
            if loader is not None:
                self.plot_dataloader(loader, str(self.folder.data_plot(split)), batch_limit, show)

    def plot_dataloader(
        self,
        dl: DataLoader[Any],
        output_path: str,
        batch_limit: int | None = None,
        show: bool = False,
    ) -> None:
        """Draw a batch of the data of a loader and write the picture."""
        x, y = some_batch(dl)
        self.visualizer.plot_batch(x, y, output_path, batch_limit=batch_limit, show=show)

    def plot_predictions(
        self, split: Split, batch_limit: int | None = None, show: bool = False
    ) -> None:
        """Draw the predictions for a batch of a split and write the picture."""
        x, y = some_batch(self.get_dataloader(split))
        z = self.to_device(self.predict(x), 'cpu')
        path = str(self.folder.predictions_plot(split))
        self.visualizer.plot_batch(x, y, path, z=z, batch_limit=batch_limit, show=show)


def some_batch(dl: DataLoader[Any]) -> Any:
    """A batch of items spread over the data of a loader, if possible of such with labels."""
    dataset: Any = dl.dataset
    count, size = len(dataset), min(dl.batch_size or 1, len(dataset))
    places = (int((k + shift) * count / size) for shift in _SHIFTS for k in range(size))
    items: dict[int, Any] = {}
    labelled: list[int] = []
    for place in dict.fromkeys(places):
        items[place] = dataset[place]
        if not is_missing(items[place][1]):
            labelled.append(place)
        if len(labelled) == size:
            break
    chosen = sorted(list(dict.fromkeys([*labelled, *items]))[:size])
    collate: Any = dl.collate_fn
    return collate([items[place] for place in chosen])


def _read_ahead(dl: DataLoader[Any]) -> Iterator[Any]:
    """Batches of a loader without processes; items are read in a thread, and joined here."""
    is_plain = type(dl) is DataLoader and not isinstance(dl.dataset, IterableDataset)
    if (
        not is_plain
        or dl.batch_sampler is None
        or dl.pin_memory
        or hasattr(dl.dataset, '__getitems__')
    ):
        return iterate_ahead(dl, BATCHES_AHEAD)
    items = ([dl.dataset[i] for i in indices] for indices in dl.batch_sampler)
    return map(dl.collate_fn, iterate_ahead(items, BATCHES_AHEAD))
