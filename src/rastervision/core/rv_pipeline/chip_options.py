"""Options of the CHIP command."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.sampling import WindowSamplingConfig
from rastervision.core.sampling.chip_filter import nodata_below_threshold
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError


@register_config('chip_options')
class ChipOptions(Config):
    """Which chips to cut from the scenes, and which of them to keep."""

    sampling: WindowSamplingConfig | dict[str, WindowSamplingConfig] = Field(
        ...,
        description='How to choose windows: one config for all scenes, or one by scene id.',
    )
    nodata_threshold: float = Field(
        1.0,
        ge=0,
        le=1,
        description='Drop a chip when its share of nodata pixels reaches this value; '
        'the default drops only chips that are empty.',
    )

    def sampling_for(self, scene_id: str) -> WindowSamplingConfig:
        """Return the window sampling of a scene.

        Raises:
            ConfigError: ``sampling`` is given by scene and lacks this one.
        """
        if isinstance(self.sampling, WindowSamplingConfig):
            return self.sampling
        if scene_id not in self.sampling:
            raise ConfigError(
                f'chip_options.sampling has no entry for scene {scene_id!r}; '
                f'it has {sorted(self.sampling)}.'
            )
        return self.sampling[scene_id]

    def get_chip_sz(self, scene_id: str | None = None) -> int | tuple[int, int]:
        """Return the chip size of a scene; without an id, that of any scene."""
        if scene_id is not None:
            return self.sampling_for(scene_id).size
        if isinstance(self.sampling, WindowSamplingConfig):
            return self.sampling.size
        return next(iter(self.sampling.values())).size

    def keep_chip(
        self,
        chip: NDArray[Any],
        label: Any,  # noqa: ARG002 - for subclasses
        rng: np.random.Generator | None = None,  # noqa: ARG002 - for subclasses
    ) -> bool:
        """Say whether a chip goes into the training data.

        Args:
            chip: (H, W, C) pixels, nodata as 0.
            label: What the task trains on.
            rng: Source of randomness where a subclass keeps a share of some chips.
        """
        return nodata_below_threshold(chip, self.nodata_threshold)
