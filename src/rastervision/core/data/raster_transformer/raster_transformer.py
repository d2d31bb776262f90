"""RasterTransformer: the base of everything that changes chips (C+E)."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.chip import Chip
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class RasterTransformer(ABC):
    """Changes the pixels of a chip."""

    @abstractmethod
    def transform(self, chip: NDArray[Any]) -> NDArray[Any]:
        """Transform pixels.

        Args:
            chip: (..., H, W, C) pixels; not changed.

        Returns:
            (..., H, W, C') pixels.
        """

    def apply(self, chip: Chip) -> Chip:
        """Transform a chip; its validity stays."""
        return Chip(self.transform(chip.pixels), chip.valid)

    def get_out_channels(self, in_channels: int) -> int:
        """Number of channels after the transformation."""
        return in_channels

    def get_out_dtype(self, in_dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Dtype after the transformation."""
        return in_dtype


@register_config('raster_transformer')
class RasterTransformerConfig(Config):
    """A transformer of chips."""

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        """Fill defaults that depend on the pipeline or the scene."""

    def update_root(self, root_dir: str) -> None:
        """Point to files of an extracted bundle.

        Args:
            root_dir: directory that the bundle was extracted to.
        """

    def build(self, channel_order: list[int] | None = None) -> RasterTransformer:
        """Build the transformer.

        Args:
            channel_order: channel order of the source that it is for.
        """
        raise NotImplementedError(f'{type(self).__name__} has no build().')
