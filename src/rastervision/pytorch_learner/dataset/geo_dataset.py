"""Datasets of windows of a scene, read when they are asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.scene import Scene
from rastervision.core.sampling import (
    RandomWindowSampler,
    WindowSamplingConfig,
    sliding_windows,
)
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.dataset import AlbumentationsDataset
from rastervision.pytorch_learner.dataset.quick_transform import (
    QuickTransform,
    Resize,
    quick_transform,
)
from rastervision.pytorch_learner.dataset.randomness import of_albumentations, torch_rng
from rastervision.pytorch_learner.dataset.transform import InTurn, Sample, TransformType
from rastervision.pytorch_learner.dataset.utils.utils import (
    GeoDatasetError,
    check_index,
    sides,
)

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.transform import Transform

PosInt = Annotated[int, Field(gt=0)]
NonNegInt = Annotated[int, Field(ge=0)]
Size = PosInt | tuple[PosInt, PosInt]
Padding = NonNegInt | tuple[NonNegInt, NonNegInt]


class GeoDataset(AlbumentationsDataset):
    """A dataset of windows of a scene; subclasses choose the windows.

    Attributes:
        scene: The scene.
        out_size: (height, width) to which images and labels are resized, or None.
    """

    scene: Scene

    def __init__(
        self,
        scene: Scene,
        out_size: Size | None = None,
        within_aoi: bool = True,
        transform: 'Transform | None' = None,
        transform_type: TransformType | None = None,
        normalize: bool = True,
        to_pytorch: bool = True,
        return_window: bool = False,
    ) -> None:
        """Constructor.

        Args:
            scene: The scene.
            out_size: Side, or (height, width), in pixels to which every window is resized after
                the transform. By default, windows stay as they are.
            within_aoi: Whether windows have to lie within the scene's areas of interest, if it has
                any, or only to touch them.
            transform: Albumentations transform of images and labels.
            transform_type: What the labels are; needed when there is something to transform.
            normalize: As for `AlbumentationsDataset`.
            to_pytorch: As for `AlbumentationsDataset`.
            return_window: Give `((image, label), window)`, with the window as a Box in the extent
                frame of the scene. Torch cannot join these into batches.

        Raises:
            GeoDatasetError: If there is something to transform but no transform_type.
            ConfigError: If out_size is not above 0.
        """
        self.scene = scene
        self.within_aoi = within_aoi
        self.return_window = return_window
        self.out_size = None if out_size is None else sides('out_size', out_size, least=1)
        if self.out_size is not None:
            transform = self.append_resize_transform(transform, self.out_size)
        if transform is not None and transform_type in {None, TransformType.noop}:
            raise GeoDatasetError(
                f'{type(self).__name__} needs a transform_type other than noop to transform or '
                'resize (transform, out_size): it says whether labels are pixels that change with '
                'the image.'
            )
        super().__init__(
            scene,
            transform=transform,
            transform_type=TransformType.noop if transform_type is None else transform_type,
            normalize=normalize,
            to_pytorch=to_pytorch,
        )

    def append_resize_transform(
        self, transform: 'Transform | None', out_size: tuple[int, int]
    ) -> 'Transform':
        """The transform, followed by a resizing to (height, width)."""
        resize = Resize(*out_size)
        quick = QuickTransform([]) if transform is None else quick_transform(transform)
        if quick is not None:
            return QuickTransform([*quick.steps, resize])
        if not of_albumentations(transform):
            return InTurn(transform, QuickTransform([resize]))
        from rastervision.pytorch_learner.alb import alb

        return alb.Compose([transform, alb.Resize(*out_size)])

    def read(self, window: Box) -> Sample:
        """Image (..., H, W, C) and label of a window, not transformed yet; see `Scene.read`."""
        chip, label = self.scene.read(window)
        return chip.pixels, label

    def get_window_sample(self, window: Box) -> Any:
        """What the dataset gives for a window: (image, label), maybe with the window."""
        sample = self.prepare(self.read(window))
        return (sample, window) if self.return_window else sample

    @classmethod
    def from_uris(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ARG003  tasks know the arguments
        """Make the dataset straight from files; the datasets of the tasks know how."""
        raise GeoDatasetError(
            f'{cls.__name__} has no from_uris; use the dataset of a task, such as '
            'SemanticSegmentationSlidingWindowGeoDataset.'
        )


class SlidingWindowGeoDataset(GeoDataset):
    """Windows of one size on a grid.

    Attributes:
        windows: All windows as Boxes in the extent frame of the scene, row by row; they are made
            when asked for.
    """

    windows: Sequence[Box]

    def __init__(
        self,
        scene: Scene,
        size: Size,
        stride: Size,
        out_size: Size | None = None,
        padding: Padding | None = None,
        pad_direction: Literal['both', 'start', 'end'] = 'end',
        within_aoi: bool = True,
        transform: 'Transform | None' = None,
        transform_type: TransformType | None = None,
        normalize: bool = True,
        to_pytorch: bool = True,
        return_window: bool = False,
    ) -> None:
        """Constructor.

        Args:
            scene: The scene.
            size: Side, or (height, width), of the windows in pixels.
            stride: Distance, or (vertical, horizontal) distance, between windows in pixels.
            out_size: As for `GeoDataset`.
            padding: Pixels, or (vertical, horizontal) pixels, by which windows may reach out of
                the scene. By default, as many as it takes to cover every pixel.
            pad_direction: At which sides: 'end' is right and below, 'start' left and above.
            within_aoi: As for `GeoDataset`.
            transform: As for `GeoDataset`.
            transform_type: As for `GeoDataset`.
            normalize: As for `GeoDataset`.
            to_pytorch: As for `GeoDataset`.
            return_window: As for `GeoDataset`.

        Raises:
            ConfigError: If windows do not fit into the scene and padding is off.
        """
        super().__init__(
            scene,
            out_size=out_size,
            within_aoi=within_aoi,
            transform=transform,
            transform_type=transform_type,
            normalize=normalize,
            to_pytorch=to_pytorch,
            return_window=return_window,
        )
        self.size = sides('size', size, least=1)
        self.stride = sides('stride', stride, least=1)
        self.padding = None if padding is None else sides('padding', padding, least=0)
        self.pad_direction: Literal['both', 'start', 'end'] = pad_direction
        self.init_windows()

    def init_windows(self) -> None:
        """Set `windows`."""
        sampling = WindowSamplingConfig(
            size=self.size,
            stride=self.stride,
            padding=self.padding,
            pad_direction=self.pad_direction,
            within_aoi=self.within_aoi,
        )
        scene = self.scene
        aoi = scene.aoi_polygons_bbox_coords
        self.windows = sliding_windows(scene.extent, sampling, aoi, scene.id)

    def __getitem__(self, idx: int) -> Any:
        """Sample of the window at a position."""
        return self.get_window_sample(self.windows[check_index(idx, len(self))])

    def __len__(self) -> int:
        return len(self.windows)


class RandomWindowGeoDataset(GeoDataset):
    """Windows of random size at random places.

    Every access draws a new window from torch's global seed, whatever the index; `max_windows` is
    the number of windows in an epoch.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        out_size: Size | None,
        size_lims: tuple[PosInt, PosInt] | None = None,
        h_lims: tuple[PosInt, PosInt] | None = None,
        w_lims: tuple[PosInt, PosInt] | None = None,
        padding: Padding | None = None,
        max_windows: NonNegInt,
        max_sample_attempts: PosInt = 100,
        efficient_aoi_sampling: bool = True,
        within_aoi: bool = True,
        transform: 'Transform | None' = None,
        transform_type: TransformType | None = None,
        normalize: bool = True,
        to_pytorch: bool = True,
        return_window: bool = False,
    ) -> None:
        """Constructor.

        Args:
            scene: The scene.
            out_size: Side, or (height, width), in pixels to which every window is resized after
                the transform, so that they can be joined into batches. With None, windows are
                given as arrays as they are, not scaled, whatever `normalize` and `to_pytorch` say.
            size_lims: Range of the sides of square windows in pixels; the upper end is left out.
            h_lims: Range of heights, together with `w_lims` and instead of `size_lims`.
            w_lims: Range of widths.
            padding: Pixels, or (vertical, horizontal) pixels, by which windows may reach out of
                the scene. By default, only windows larger than the scene do.
            max_windows: Length of the dataset.
            max_sample_attempts: Draws after which a window within the areas of interest is given
                up.
            efficient_aoi_sampling: Draw places from the areas of interest, instead of anywhere
                until one fits.
            within_aoi: As for `GeoDataset`.
            transform: As for `GeoDataset`.
            transform_type: As for `GeoDataset`.
            normalize: As for `GeoDataset`.
            to_pytorch: As for `GeoDataset`.
            return_window: As for `GeoDataset`.

        Raises:
            ConfigError: If sizes are missing or contradict each other, or windows do not fit into
                the scene or its areas of interest.
        """
        resized = out_size is not None
        super().__init__(
            scene,
            out_size=out_size,
            within_aoi=within_aoi,
            transform=transform,
            transform_type=transform_type,
            normalize=normalize and resized,
            to_pytorch=to_pytorch and resized,
            return_window=return_window,
        )
        if max_windows < 0:
            raise ConfigError(f'max_windows must be 0 or more, got {max_windows}.')
        self.max_windows = max_windows
        self.extent = scene.extent
        self.size_lims = size_lims
        self.padding = None if padding is None else sides('padding', padding, least=0)
        self.max_sample_attempts = max_sample_attempts
        self.sampler = self.build_sampler(
            size_lims=size_lims,
            h_lims=h_lims,
            w_lims=w_lims,
            padding=self.padding,
            aoi_polygons=scene.aoi_polygons_bbox_coords or (),
            within_aoi=within_aoi,
            efficient=efficient_aoi_sampling,
            max_attempts=max_sample_attempts,
            scene_id=scene.id,
        )

    def build_sampler(self, **options: Any) -> RandomWindowSampler:
        """Make what draws the windows; the options are those of `RandomWindowSampler`."""
        return RandomWindowSampler(self.scene.extent, **options)

    @property
    def h_lims(self) -> tuple[int, int]:
        """Range of heights; the upper end is left out."""
        return self.sampler.h_lims

    @property
    def w_lims(self) -> tuple[int, int]:
        """Range of widths; the upper end is left out."""
        return self.sampler.w_lims

    @property
    def has_aoi_polygons(self) -> bool:
        """Whether the scene has areas of interest."""
        return self.sampler.has_aoi

    @property
    def min_size(self) -> tuple[int, int]:
        """Smallest (height, width) of a window."""
        return self.sampler.h_lims[0], self.sampler.w_lims[0]

    @property
    def max_size(self) -> tuple[int, int]:
        """Upper ends of the ranges of heights and widths, which no window reaches."""
        return self.sampler.h_lims[1], self.sampler.w_lims[1]

    def sample_window_size(self) -> tuple[int, int]:
        """Draw the (height, width) of a window."""
        return self.sampler.sample_size(torch_rng())

    def sample_window_loc(self, h: int, w: int) -> tuple[int, int]:
        """Draw the upper left corner (y, x) of a window of a size."""
        window = self.sampler.sample_place(h, w, torch_rng())
        return window.ymin, window.xmin

    def sample_window(self) -> Box:
        """Draw a window."""
        return self.sampler.sample(torch_rng())

    def __getitem__(self, idx: int) -> Any:
        """Sample of a new random window; the index only has to be within the length."""
        check_index(idx, self.max_windows)
        return self.get_window_sample(self.sample_window())

    def __len__(self) -> int:
        return self.max_windows
