"""Random windows of classes that are drawn first, however rare they are."""

from collections.abc import Callable

import numpy as np
import shapely

from rastervision.core.box import Box
from rastervision.core.sampling.class_places import ClassPlaces
from rastervision.core.sampling.random_windows import RandomWindowSampler

PROBES = 256
"""Windows that are looked at to know which classes come up anywhere."""
ATTEMPTS = 1000
"""Draws after which a window of a class is given up; only labels are read for them."""


class ClassWindowSampler:
    """Draws random windows of a class.

    A pixel of the class is drawn first, each one as likely as any other, then the size of a window,
    then its place among all that hold the pixel. Classes without labels, such as a background, are
    drawn from windows at any place.

    Attributes:
        shares: Share of the scene, or of its areas of interest, that is of each class, of those
            that windows were found for.
        missed: Classes that have labels around which no window was found.
    """

    def __init__(
        self,
        sampler: RandomWindowSampler,
        places: ClassPlaces,
        class_of: Callable[[Box], int] | None = None,
    ) -> None:
        """Constructor.

        Args:
            sampler: Gives sizes and places of windows.
            places: Where classes have labels.
            class_of: The class of a window, where windows as a whole have one. A window of a class
                then has to be of it, not only to hold some of it.
        """
        self._sampler = sampler
        self._places = places
        self._class_of = class_of
        rng = np.random.default_rng(0)
        found = {c for c in places.areas if self._draw(c, rng) is not None}
        area = shapely.area(sampler.region()).sum()
        self.shares = {c: float(places.areas[c] / area) for c in sorted(found)}
        if class_of is not None:
            probes = [class_of(sampler.sample(rng)) for _ in range(PROBES)]
            ids, counts = np.unique(probes, return_counts=True)
            for class_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
                self.shares.setdefault(class_id, count / PROBES)
        self.missed = set(places.areas) - set(self.shares)

    def sample(self, class_id: int, rng: np.random.Generator) -> Box:
        """Draw a window of one of the classes in `shares`.

        If none is found in `ATTEMPTS` draws, it is any window.
        """
        window = self._draw(class_id, rng)
        return self._sampler.sample(rng) if window is None else window

    def _draw(self, class_id: int, rng: np.random.Generator) -> Box | None:
        for _ in range(ATTEMPTS):
            window = self._propose(class_id, rng)
            if self._sampler.accepts(window) and self._is_of(window, class_id):
                return window
        return None

    def _propose(self, class_id: int, rng: np.random.Generator) -> Box:
        if class_id not in self._places.areas:
            return self._sampler.sample(rng)
        pixel = self._places.sample(class_id, rng)
        height, width = self._sampler.sample_size(rng)
        return self._sampler.sample_around(pixel, height, width, rng)

    def _is_of(self, window: Box, class_id: int) -> bool:
        return self._class_of is None or self._class_of(window) == class_id
