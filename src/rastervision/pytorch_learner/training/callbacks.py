"""Lightning callbacks."""

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl


class ReportProgress(pl.Callback):
    """Counts finished batches."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        """Constructor.

        Args:
            advance: Called with 1 after every batch.
        """
        self.advance = advance

    def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  Lightning's
        self.advance(1)
