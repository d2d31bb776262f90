"""StatsTransformer: channels of any dtype to uint8, by their mean and deviation (C+E)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.chip import Chip, check_real
from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError
from rastervision.pipeline.file_system import file_exists

if TYPE_CHECKING:
    from rastervision.core.data.raster_source.raster_source import RasterSource
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class StatsTransformer(RasterTransformer):
    """Scales channels by their mean and standard deviation to uint8.

    Chips that are uint8 already stay as they are. Else a value that lies `max_stds` or more
    standard deviations below the mean becomes 0, one as far above it 255, the mean 127; in
    between the scale is linear, and results are rounded down. A chip knows by its mask what is
    nodata, so 0 is a value as any other there; `transform` takes bare arrays, in which 0 stays 0.

    Attributes:
        means: (C,) means.
        stds: (C,) standard deviations.
        max_stds: standard deviations from the mean to either end of the scale.
    """

    def __init__(
        self, means: Sequence[float], stds: Sequence[float], max_stds: float = 3.0
    ) -> None:
        """Constructor.

        Raises:
            ConfigError: max_stds is not above 0.
        """
        if not 0 < max_stds < np.inf:
            raise ConfigError(
                f'max_stds of a StatsTransformer must be a number above 0, got {max_stds}.'
            )
        self.means = np.array(means, dtype=np.float64)
        self.stds = np.array(stds, dtype=np.float64)
        self.max_stds = max_stds
        self._counts: NDArray[np.int64] | None = None
        self._table: NDArray[np.uint8] | None = None

    def __repr__(self) -> str:
        return (
            f'StatsTransformer(means={self.means.tolist()}, stds={self.stds.tolist()}, '
            f'max_stds={self.max_stds})'
        )

    @classmethod
    def from_raster_sources(
        cls,
        raster_sources: Sequence['RasterSource'],
        sample_prob: float | None = 0.1,
        max_stds: float = 3.0,
        chip_sz: int = 300,
    ) -> Self:
        """Transformer with the statistics of some sources; arguments as for RasterStats."""
        stats = RasterStats()
        stats.compute(raster_sources, sample_prob=sample_prob, chip_sz=chip_sz)
        return cls.from_raster_stats(stats, max_stds=max_stds)

    @classmethod
    def from_stats_json(
        cls, uri: str, channel_order: list[int] | None = None, **kwargs: Any
    ) -> Self:
        """Transformer with the statistics in a stats.json.

        Args:
            uri: the file.
            channel_order: channels of the statistics to take, in this order; None takes all.
            **kwargs: passed on to the constructor.

        Raises:
            NotReadableError: the file cannot be read.
            DataError: it holds something else, or fewer channels.
        """
        stats = RasterStats.load(uri)
        try:
            return cls.from_raster_stats(stats, channel_order, **kwargs)
        except DataError as e:
            raise DataError(f'{uri}: {e}') from e

    @classmethod
    def from_raster_stats(
        cls, stats: RasterStats, channel_order: list[int] | None = None, **kwargs: Any
    ) -> Self:
        """Transformer with some statistics; arguments as for `from_stats_json`."""
        if stats.means is None or stats.stds is None:
            raise DataError('The statistics are empty; compute or load them first.')
        count = len(stats.means)
        order = list(range(count)) if channel_order is None else channel_order
        if any(not 0 <= channel < count for channel in order):
            raise DataError(
                f'The statistics have {count} channel(s), which do not cover channel_order {order}.'
            )
        transformer = cls(stats.means[order].tolist(), stats.stds[order].tolist(), **kwargs)
        transformer._counts = None if stats.counts is None else stats.counts[order]
        return transformer

    @property
    def stats(self) -> RasterStats:
        """The statistics in use."""
        counts = None if self._counts is None else self._counts.tolist()
        return RasterStats(self.means.tolist(), self.stds.tolist(), counts)

    def transform(self, chip: NDArray[Any]) -> NDArray[np.uint8]:
        """Transform pixels of which nobody knows whether they have data.

        Args:
            chip: (..., H, W, C) real numbers.

        Returns:
            (..., H, W, C) uint8; 0 for NaN, and for 0 as in release 0.31, which means nodata by it.

        Raises:
            DataError: the chip has another number of channels than the statistics.
        """
        out = self._to_uint8(chip)
        return out if out is chip else np.where(chip == 0, np.uint8(0), out)

    def apply(self, chip: Chip) -> Chip:
        return Chip(self._to_uint8(chip.pixels), chip.valid)

    def _to_uint8(self, chip: NDArray[Any]) -> NDArray[np.uint8]:
        if chip.shape[-1] != len(self.means):
            raise DataError(
                f'The statistics have {len(self.means)} channel(s) but the chips have '
                f'{chip.shape[-1]}; set the same channel_order for both, or run ANALYZE again.'
            )
        if chip.dtype == np.uint8:
            return chip
        planes = np.moveaxis(chip, -1, 0)
        out = np.empty(planes.shape, dtype=np.uint8)
        if chip.dtype == np.uint16:
            for row, plane, result in zip(self._uint16_table(), planes, out, strict=True):
                np.take(row, plane, out=result, mode='clip')
        else:
            for channel, (plane, result) in enumerate(zip(planes, out, strict=True)):
                result[...] = self._scale(plane, channel)
        return np.moveaxis(out, 0, -1)

    def get_out_dtype(self, in_dtype: np.dtype[Any]) -> np.dtype[Any]:
        check_real(in_dtype, 'A stats_transformer')
        return np.dtype(np.uint8)

    def _uint16_table(self) -> NDArray[np.uint8]:
        """(C, 65536) results for all values that a pixel can have."""
        if self._table is None:
            values = np.arange(np.iinfo(np.uint16).max + 1)
            self._table = np.stack([self._scale(values, c) for c in range(len(self.means))])
        return self._table

    def _scale(self, values: NDArray[Any], channel: int) -> NDArray[np.uint8]:
        std = self.stds[channel] or 1.0  # a constant channel: everything is at the mean
        scores = (values - self.means[channel]) / std
        scaled = (scores + self.max_stds) / (2 * self.max_stds) * 255
        result: NDArray[np.uint8] = np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
        return result


def stats_transformer_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a config written by an older release."""
    if version == 13:
        # statistics were of all bands of the file until then
        cfg_dict['needs_channel_order'] = True
    return cfg_dict


@register_config('stats_transformer', upgrader=stats_transformer_config_upgrader)
class StatsTransformerConfig(RasterTransformerConfig):
    """Scale channels to uint8 by the means and standard deviations that ANALYZE computed.

    Images that are uint8 already stay as they are.
    """

    stats_uri: str | None = Field(
        None,
        description='A stats.json. None: the one that ANALYZE writes for scene_group.',
    )
    scene_group: str = Field('train_scenes', description='Scene group whose statistics are used.')
    needs_channel_order: bool = Field(
        False,
        description='The statistics are of all bands of the file, and channel_order picks from '
        'them. True for bundles written before release 0.22.',
    )

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,  # noqa: ARG002 signature of the base
    ) -> None:
        from rastervision.core.rv_pipeline import layout  # a layer above this one

        if pipeline is not None and self.stats_uri is None:
            self.stats_uri = layout.stats_uri(pipeline.stage_uri('analyze'), self.scene_group)

    def update_root(self, root_dir: str) -> None:
        """Take the statistics from an extracted bundle, of this release or an older one."""
        root = Path(root_dir)
        path = root / 'analyze' / 'stats' / self.scene_group / 'stats.json'
        self.stats_uri = str(path if path.exists() else root / 'stats.json')

    def build(self, channel_order: list[int] | None = None) -> StatsTransformer:
        if self.stats_uri is None:
            raise ConfigError(
                'stats_uri of the stats_transformer is not set; name a stats.json, or use it in '
                'a pipeline whose ANALYZE command writes one.'
            )
        if not file_exists(self.stats_uri):
            raise NotReadableError(
                f'There are no statistics at {self.stats_uri}: run the analyze command first, or '
                'name another stats.json in stats_uri.'
            )
        order = channel_order if self.needs_channel_order else None
        return StatsTransformer.from_stats_json(self.stats_uri, order)
