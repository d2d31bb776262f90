"""DataSample: one labelled chip on its way into a chip store."""

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from rastervision.core.box import Box


@dataclass(eq=False, slots=True)
class DataSample:
    """One chip with its label and where it comes from."""

    chip: NDArray[Any]
    """(H, W, C) pixels."""
    label: Any | None = None
    """What the task trains on; for semantic segmentation (H, W) class ids."""
    split: Literal['train', 'valid', 'test'] | None = None
    scene_id: str | None = None
    window: Box | None = None
    """Where the chip lies, in the extent frame of the scene."""
