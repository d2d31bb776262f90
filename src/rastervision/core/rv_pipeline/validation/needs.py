"""Memory and disk that the commands take, about, and what the machine has."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rastervision.core.backend import ModelSize, TrainingFacts
from rastervision.core.data.raster_source.rasterio_io import CACHE_BYTES
from rastervision.core.rv_pipeline.validation.findings import SceneFindings, Use
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.runner.gpus import visible_gpus

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

FLOAT_BYTES = 4
TRAINED = 4
"""Numbers per parameter in training: the weight, its gradient, and two of the optimizer."""

AHEAD = 2
"""Batches that each process which reads images has ready."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a command takes.

    Attributes:
        command: Name.
        work: What it does, for people.
        count: How many chips or windows.
        memory: Bytes, about, without what libraries take; None if nobody knows.
        disk: Bytes that it writes at most; None if nobody knows.
    """

    command: str
    work: str
    count: int
    memory: int | None
    disk: int | None


def needs(
    config: 'RVPipelineConfig', found: Sequence[SceneFindings], model: ModelSize | None
) -> list[Need]:
    """Return what CHIP, TRAIN and PREDICT take.

    Args:
        config: An updated config.
        found: What was found out about all scenes.
        model: Size of the model; None if nobody knows.
    """
    image = next((f.image for f in found if f.image is not None), None)
    if image is None:
        return []
    pixel = image.channels * np.dtype(image.dtype).itemsize
    count = {use: _windows(found, use) for use in ('train', 'validation')}
    total = sum(count.values())
    result = []
    needs_chips = config.backend.needs_chips(config)
    if needs_chips and total:
        size = max(w.size for f in found for w in f.windows.values())
        work = f'{count["train"]:,} + {count["validation"]:,} chips of {size[0]}x{size[1]}'
        disk = sum(
            w.kept * w.size[0] * w.size[1] * (pixel + 1) for f in found for w in f.windows.values()
        )
        result.append(Need('chip', work, total, CACHE_BYTES[1], disk))
    facts = config.backend.training_facts(config)
    if facts is not None:
        what = 'chips' if needs_chips else 'windows'
        result.append(_training(facts, count['train'], what, image.channels, model))
    predicted = [f.prediction for f in found if f.prediction is not None]
    if predicted and config.predict_options is not None:
        options = config.predict_options
        windows = sum(p.windows for p in predicted)
        batch = options.batch_sz * options.chip_sz**2 * image.channels * FLOAT_BYTES
        memory = CACHE_BYTES[1] + batch + max(p.rows_bytes for p in predicted)
        memory += (model.parameters if model else 0) * FLOAT_BYTES
        work = f'{windows:,} windows of {options.chip_sz}x{options.chip_sz}'
        disk = sum(p.disk_bytes for p in predicted)
        result.append(Need('predict', work, windows, memory, disk or None))
    return result


def _windows(found: Sequence[SceneFindings], use: Use) -> int:
    return sum(f.windows[use].kept for f in found if use in f.windows)


def _training(
    facts: TrainingFacts, count: int, what: str, channels: int, model: ModelSize | None
) -> Need:
    number = f'{count:,} {what}, ' if count else ''
    work = f'{number}batches of {facts.batch_sz} of {facts.img_sz}x{facts.img_sz}'
    memory = None
    if model is not None and model.activations is not None:
        batch = facts.batch_sz * facts.img_sz**2 * channels * FLOAT_BYTES
        memory = batch * (1 + AHEAD * facts.num_workers)
        memory += model.activations + TRAINED * FLOAT_BYTES * model.parameters
    return Need('train', f'{work}, {facts.num_epochs} epochs', count, memory, None)


def machine(root_uri: str) -> dict[str, Any]:
    """Return what this machine has: GPUs, and room for the outputs (None if nobody knows)."""
    free = None
    if is_local(root_uri):
        folder = to_path(root_uri).absolute()
        existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
        free = None if existing is None else shutil.disk_usage(existing).free
    return {'gpus': len(visible_gpus()), 'free_disk': free}
