"""Patience with an engine that does not answer, or that does not name a job."""

import logging
import time
from collections.abc import Collection

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds until a job that the engine does not name, and of which nothing is seen, is lost."""


class Patience:
    """What is known of the silence of an engine whose jobs are followed."""

    def __init__(self) -> None:
        self._missing: dict[str, float] = {}
        self._is_deaf = False

    def no_answer(self, error: Exception) -> None:
        """Take note that the engine does not answer, as it may for a while; its jobs go on."""
        if not self._is_deaf:
            log.warning('%s. Trying again until it answers.', str(error).removesuffix('.'))
        self._is_deaf = True

    def answer(self, named: Collection[str]) -> None:
        """Take note that the engine answers, and which jobs it names."""
        self._is_deaf = False
        for job_id in self._missing.keys() & named:
            del self._missing[job_id]

    def is_over(self, job_id: str) -> bool:
        """Whether a job that the engine does not name has been missing for too long."""
        now = time.monotonic()
        return now - self._missing.setdefault(job_id, now) >= PATIENCE
