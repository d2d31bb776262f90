"""Datasets of classification."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import DatasetFolder

from rastervision.core.box import Box
from rastervision.core.data.label_source import ChipClassificationLabelSource
from rastervision.core.data.utils.factory import make_cc_scene
from rastervision.core.sampling.class_places import PolygonPlaces
from rastervision.core.sampling.class_windows import ClassWindowSampler
from rastervision.pytorch_learner.dataset.balanced_windows import BalancedWindowGeoDataset
from rastervision.pytorch_learner.dataset.dataset import ImageDataset
from rastervision.pytorch_learner.dataset.geo_dataset import (
    GeoDataset,
    SlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.transform import TransformType
from rastervision.pytorch_learner.dataset.utils.utils import (
    IMG_EXTENSIONS,
    GeoDatasetError,
    ImageDatasetError,
    class_folder,
    load_image,
)

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig

GeoDatasetType = TypeVar('GeoDatasetType', bound=GeoDataset)


class ImageFolders(DatasetFolder):  # type: ignore[misc] # untyped library
    """Images (H, W, C) in one folder for each class, with the ids of the classes."""

    def __init__(self, data_dir: str, names: list[str]) -> None:
        """Constructor.

        Args:
            data_dir: Folder of the folders.
            names: Names of the folders in the order of the ids; there need not be all of them.
        """
        self._names = names
        super().__init__(data_dir, _load_chip, extensions=IMG_EXTENSIONS, allow_empty=True)

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:  # noqa: ARG002  the base's
        """Names of the folders, and their ids."""
        return self._names, {name: i for i, name in enumerate(self._names)}


def make_image_folder_dataset(data_dir: str, classes: Iterable[str] | None = None) -> ImageFolders:
    """Images in one folder for each class.

    Args:
        data_dir: Folder of these folders.
        classes: Names of the classes in the order of their ids. A class without images needs no
            folder. By default, the names of the folders in alphabetical order.

    Returns:
        A dataset of images (H, W, C) and class ids, whose `targets` are all class ids.

    Raises:
        ImageDatasetError: There are no images, or a folder that is of no class.
    """
    root = Path(data_dir)
    if not root.is_dir():
        raise ImageDatasetError(f'The folder {data_dir} does not exist.')
    found = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith('.'))
    names = found if classes is None else [class_folder(name) for name in classes]
    if unknown := sorted(set(found) - set(names)):
        raise ImageDatasetError(
            f"{data_dir} has a folder '{unknown[0]}', which is none of the classes "
            f'{", ".join(names)}.'
        )
    dataset = ImageFolders(data_dir, names)
    if not dataset.samples:
        raise ImageDatasetError(f'{data_dir} has no images in folders named after the classes.')
    return dataset


def _load_chip(path: str) -> NDArray[Any]:
    image = load_image(path)
    return image[..., np.newaxis] if image.ndim == 2 else image


class ClassificationImageDataset(ImageDataset):
    """Chips in one folder for each class; see `make_image_folder_dataset`."""

    def __init__(
        self, data_dir: str, class_names: Iterable[str] | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Constructor.

        Args:
            data_dir: Folder of the folders of the classes.
            class_names: Names of the classes in the order of their ids.
            args: As for `AlbumentationsDataset`, after `orig_dataset`.
            kwargs: As for `AlbumentationsDataset`.
        """
        chips = make_image_folder_dataset(data_dir, classes=class_names)
        kwargs.setdefault('transform_type', TransformType.classification)
        super().__init__(chips, *args, **kwargs)

    def class_ids(self) -> NDArray[np.int64]:
        """(len,) class id of every item."""
        return np.array(self.orig_dataset.targets, dtype=np.int64)


def make_cc_geodataset(
    cls: type[GeoDatasetType],
    image_uri: str | list[str],
    label_vector_uri: str | list[str] | None = None,
    class_config: 'ClassConfig | None' = None,
    aoi_uri: str | list[str] | None = None,
    label_vector_default_class_id: int | None = None,
    image_raster_source_kw: dict[str, Any] | None = None,
    label_vector_source_kw: dict[str, Any] | None = None,
    label_source_kw: dict[str, Any] | None = None,
    **kwargs: Any,
) -> GeoDatasetType:
    """Make a dataset of windows straight from files.

    Args:
        cls: The dataset class.
        image_uri: One image or several to be mosaicked.
        label_vector_uri: Cells, or polygons that cells are inferred from.
        class_config: The classes.
        aoi_uri: Areas of interest.
        label_vector_default_class_id: Class of polygons that name none.
        image_raster_source_kw: Arguments of the RasterioSource of the image.
        label_vector_source_kw: Arguments of the GeoJSONVectorSource of the labels.
        label_source_kw: Arguments of the ChipClassificationLabelSourceConfig.
        kwargs: Arguments of the dataset class.
    """
    scene = make_cc_scene(
        image_uri=image_uri,
        label_vector_uri=label_vector_uri,
        class_config=class_config,
        aoi_uri=aoi_uri or [],
        label_vector_default_class_id=label_vector_default_class_id,
        image_raster_source_kw=image_raster_source_kw,
        label_vector_source_kw=label_vector_source_kw,
        label_source_kw=label_source_kw,
    )
    return cls(scene, **kwargs)


class _ClassificationGeoDataset(GeoDataset):
    """What both kinds of windows have in common."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Constructor; the arguments are those of the class for windows of any task."""
        kwargs.setdefault('transform_type', TransformType.classification)
        super().__init__(*args, **kwargs)

    @classmethod
    def from_uris(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the dataset straight from files; see `make_cc_geodataset`."""
        return make_cc_geodataset(cls, *args, **kwargs)

    def class_id_of(self, window: Box) -> int:
        """Class of a window, without reading its pixels."""
        if self.scene.label_source is None:
            raise GeoDatasetError(f"Scene '{self.scene.id}' has no labels to balance classes by.")
        return int(self.scene.label_source[window])


class ClassificationSlidingWindowGeoDataset(_ClassificationGeoDataset, SlidingWindowGeoDataset):
    """Windows on a grid with a class each; see `SlidingWindowGeoDataset`."""

    def init_windows(self) -> None:
        """Set `windows`, and infer their classes where the labels are polygons."""
        super().init_windows()
        populate = getattr(self.scene.label_source, 'populate_labels', None)
        if populate is not None:
            populate(cells=self.windows)

    def class_ids(self) -> NDArray[np.int64]:
        """(len,) class id of every item."""
        return np.array([self.class_id_of(window) for window in self.windows], dtype=np.int64)


class ClassificationRandomWindowGeoDataset(_ClassificationGeoDataset, BalancedWindowGeoDataset):
    """Random windows with a class each; see `RandomWindowGeoDataset`."""

    def make_class_windows(self) -> ClassWindowSampler:
        """Find out where the polygons of classes lie, and what no polygon covers."""
        region = self.sampler.region()
        source = self.scene.label_source
        if not isinstance(source, ChipClassificationLabelSource):
            places = PolygonPlaces(np.empty(0, object), np.empty(0, np.int64), region)
        else:
            background = source.cfg.background_class_id
            places = PolygonPlaces(*source.polygons(), region, background)
        return ClassWindowSampler(self.sampler, places, self.class_id_of)
