"""WindowSamplingConfig: which windows of a scene to read."""

import logging
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.sampling.random_windows import (
    RandomWindowSampler,
    does_not_fit,
    warn_if_larger,
)
from rastervision.core.sampling.sliding import WindowGrid, window_grid
from rastervision.core.utils.misc import ensure_tuple
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene

log = logging.getLogger(__name__)

PosInt: TypeAlias = Annotated[int, Field(gt=0)]
NonNegInt: TypeAlias = Annotated[int, Field(ge=0)]


class WindowSamplingMethod(StrEnum):
    """How windows are placed: on a grid, or at random."""

    sliding = 'sliding'
    random = 'random'


@register_config('window_sampling')
class WindowSamplingConfig(Config):
    """Which windows of a scene to read."""

    method: WindowSamplingMethod = Field(
        WindowSamplingMethod.sliding, description='sliding (a grid) or random.'
    )
    size: PosInt | tuple[PosInt, PosInt] = Field(
        ...,
        description=(
            'Size of sliding windows, or (height, width), in pixels. Random windows are of this '
            'size too, unless size_lims, or h_lims and w_lims, say otherwise.'
        ),
    )
    stride: PosInt | tuple[PosInt, PosInt] | None = Field(
        None,
        description=(
            'Step of sliding windows, or (vertical, horizontal) step, in pixels. None takes size.'
        ),
    )
    padding: NonNegInt | tuple[NonNegInt, NonNegInt] | None = Field(
        None,
        description=(
            'Pixels, or (vertical, horizontal) pixels, by which windows may reach out of the '
            'scene. None pads as much as is needed: sliding windows then leave no pixel out, and '
            'random ones may be larger than the scene.'
        ),
    )
    pad_direction: Literal['both', 'start', 'end'] = Field(
        'end',
        description=(
            'Which sides of the scene are padded for sliding windows: the upper and left ones '
            '(start), the lower and right ones (end), or all. Random windows may reach out on '
            'all sides.'
        ),
    )
    size_lims: tuple[PosInt, PosInt] | None = Field(
        None,
        description=(
            'Range of the sides of random square windows; the upper limit is exclusive. When '
            'absent, and without h_lims and w_lims, it is (size, size + 1).'
        ),
    )
    h_lims: tuple[PosInt, PosInt] | None = Field(
        None, description='Range of the heights of random windows. Needs w_lims.'
    )
    w_lims: tuple[PosInt, PosInt] | None = Field(
        None, description='Range of the widths of random windows. Needs h_lims.'
    )
    max_windows: NonNegInt = Field(10_000, description='Number of random windows.')
    max_sample_attempts: PosInt = Field(
        100, description='Draws after which a random window inside the AOI is given up.'
    )
    efficient_aoi_sampling: bool = Field(
        True,
        description=('Draw random windows from the AOI. False draws them anywhere until one fits.'),
    )
    within_aoi: bool = Field(
        True,
        description=(
            'Whether windows must lie inside the AOI of a scene that has one. False takes '
            'windows that only touch it, too.'
        ),
    )

    fields_of_method: ClassVar[dict[str, tuple[str, ...]]] = {
        'sliding': ('stride', 'pad_direction'),
        'random': ('max_windows', 'max_sample_attempts', 'efficient_aoi_sampling'),
    }
    """Fields that have an effect with one method only."""

    @model_validator(mode='after')
    def _check_lims(self) -> Self:
        names = ('size_lims', 'h_lims', 'w_lims')
        given = [n for n in names if n in self.model_fields_set and getattr(self, n)]
        # written past validate_assignment, which would come back here; not marked as set, so that
        # they follow when size or method is assigned
        self.__dict__.update({n: None for n in names if n not in given})
        if self.method == WindowSamplingMethod.sliding:
            if given:
                raise ValueError(
                    f'{" and ".join(given)} are for method "random"; method is "sliding".'
                )
            return self
        if 'size_lims' in given and len(given) > 1:
            raise ValueError('size_lims contradicts h_lims and w_lims; give one or the other.')
        if len(given) == 1 and given[0] != 'size_lims':
            raise ValueError('h_lims and w_lims must be given together.')
        for name in given:
            low, high = getattr(self, name)
            if low >= high:
                raise ValueError(
                    f'{name} is ({low}, {high}), but the upper limit must be above the lower '
                    'one; it is exclusive.'
                )
        if not given:
            height, width = ensure_tuple(self.size)
            if height == width:
                self.__dict__['size_lims'] = (height, height + 1)
            else:
                self.__dict__['h_lims'] = (height, height + 1)
                self.__dict__['w_lims'] = (width, width + 1)
        return self

    def validate_config(self) -> None:
        other = 'random' if self.method == WindowSamplingMethod.sliding else 'sliding'
        fields = type(self).model_fields
        for name in self.fields_of_method[other]:
            if getattr(self, name) != fields[name].default:
                log.warning(
                    '%s=%s has no effect: it is for method %r, and method is %r.',
                    name,
                    getattr(self, name),
                    other,
                    self.method.value,
                )

    def build_sampler(self, scene: 'Scene') -> RandomWindowSampler:
        """Make the sampler of random windows of a scene, in its extent frame."""
        return random_window_sampler(scene.extent, self, scene.aoi_polygons_bbox_coords, scene.id)

    def sampler_options(
        self, aoi_polygons: Sequence[BaseGeometry] | None, scene_id: str
    ) -> dict[str, Any]:
        """Return the arguments of `RandomWindowSampler` that follow from the config."""
        return {
            'size_lims': self.size_lims,
            'h_lims': self.h_lims,
            'w_lims': self.w_lims,
            'padding': self.padding,
            'aoi_polygons': aoi_polygons or (),
            'within_aoi': self.within_aoi,
            'efficient': self.efficient_aoi_sampling,
            'max_attempts': self.max_sample_attempts,
            'scene_id': scene_id,
        }


def sliding_windows(
    extent: Box,
    cfg: WindowSamplingConfig,
    aoi_polygons: Sequence[BaseGeometry] | None = None,
    scene_id: str = '',
) -> WindowGrid:
    """Windows on a grid, row by row.

    Args:
        extent: what the windows slide over.
        cfg: how.
        aoi_polygons: areas of interest in the frame of `extent`; None or none for no limit.
        scene_id: for messages.

    Returns:
        A lazy sequence.

    Raises:
        ConfigError: windows are larger than the padded extent.
    """
    height, width = ensure_tuple(cfg.size)
    dy, dx = ensure_tuple(cfg.size if cfg.stride is None else cfg.stride)
    windows = window_grid(extent, (height, width), (dy, dx), cfg.padding, cfg.pad_direction)
    scene = f'scene {scene_id!r}' if scene_id else 'the scene'
    if not len(windows):
        raise ConfigError(
            does_not_fit(f'{scene} ({extent.height}x{extent.width} pixels)', (height, width))
        )
    warn_if_larger((height, width), extent, scene_id)
    if not aoi_polygons:
        return windows
    chosen = windows.filter_by_aoi(aoi_polygons, within=cfg.within_aoi)
    if not len(chosen):
        log.warning(
            'None of the %d windows of %dx%d pixels over %s %s its AOI.',
            len(windows),
            height,
            width,
            scene,
            'lies inside' if cfg.within_aoi else 'touches',
        )
    return chosen


def random_window_sampler(
    extent: Box,
    cfg: WindowSamplingConfig,
    aoi_polygons: Sequence[BaseGeometry] | None = None,
    scene_id: str = '',
) -> RandomWindowSampler:
    """A sampler of random windows; the arguments are those of `sliding_windows`."""
    return RandomWindowSampler(extent, **cfg.sampler_options(aoi_polygons, scene_id))


def windows_of_scene(
    scene: 'Scene', cfg: WindowSamplingConfig, rng: np.random.Generator
) -> Iterable[Box]:
    """Windows of a scene in its extent frame, all of the grid or `max_windows` random ones."""
    aoi = scene.aoi_polygons_bbox_coords
    if cfg.method == WindowSamplingMethod.sliding:
        return sliding_windows(scene.extent, cfg, aoi, scene.id)
    sampler = cfg.build_sampler(scene)
    return (sampler.sample(rng) for _ in range(cfg.max_windows))
