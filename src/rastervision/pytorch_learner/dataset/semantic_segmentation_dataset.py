"""Datasets of semantic segmentation."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rastervision.core.data.label_source import SemanticSegmentationLabelSource
from rastervision.core.data.utils.factory import make_ss_scene
from rastervision.core.sampling.class_places import RasterPlaces
from rastervision.core.sampling.class_windows import ClassWindowSampler
from rastervision.pytorch_learner.dataset.balanced_windows import BalancedWindowGeoDataset
from rastervision.pytorch_learner.dataset.dataset import ImageDataset
from rastervision.pytorch_learner.dataset.geo_dataset import (
    GeoDataset,
    SlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.transform import TransformType
from rastervision.pytorch_learner.dataset.utils.utils import (
    GeoDatasetError,
    ImageDatasetError,
    discover_images,
    load_image,
)

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig

GeoDatasetType = TypeVar('GeoDatasetType', bound=GeoDataset)


class SemanticSegmentationDataReader(Dataset[tuple[NDArray[Any], NDArray[Any]]]):
    """Images in one folder and their class ids, under the same names, in another."""

    def __init__(self, img_dir: str, label_dir: str) -> None:
        """Constructor.

        Args:
            img_dir: Folder of images: PNG, JPEG, TIFF, NPY and others.
            label_dir: Folder of images of class ids, with the same names before the extension.

        Raises:
            ImageDatasetError: If an image has no labels, or labels have no image.
        """
        self.img_dir = Path(img_dir)
        self.label_dir = Path(label_dir)
        for folder in (self.img_dir, self.label_dir):
            if not folder.is_dir():
                raise ImageDatasetError(f'The folder {folder} does not exist.')
        self.img_paths = discover_images(self.img_dir)
        self.label_paths = discover_images(self.label_dir)
        self.validate_paths()

    def validate_paths(self) -> None:
        """Check that images and labels go together one to one."""
        images, labels = ({p.stem for p in ps} for ps in (self.img_paths, self.label_paths))
        if unpaired := sorted(images ^ labels):
            name = unpaired[0]
            folder, missing = (
                (self.label_dir, 'label') if name in images else (self.img_dir, 'image')
            )
            raise ImageDatasetError(
                f"There is no {missing} '{name}' in {folder} ({len(unpaired)} such); every image "
                f'in {self.img_dir} needs class ids of the same name in {self.label_dir}.'
            )
        if len(images) != len(self.img_paths) or len(labels) != len(self.label_paths):
            raise ImageDatasetError(
                f'{self.img_dir} or {self.label_dir} has files that differ in their extension only.'
            )

    def __getitem__(self, ind: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Image (H, W, C) and class ids (H, W)."""
        image = load_image(self.img_paths[ind])
        labels = load_image(self.label_paths[ind])
        if image.ndim == 2:
            image = image[..., np.newaxis]
        if labels.ndim == 3 and labels.shape[-1] == 1:
            labels = labels[..., 0]
        if labels.shape != image.shape[-3:-1]:
            raise ImageDatasetError(
                f'{self.label_paths[ind]} has the shape {labels.shape} but its image '
                f'{image.shape}; class ids need one number per pixel.'
            )
        return image, labels

    def __len__(self) -> int:
        return len(self.img_paths)


class SemanticSegmentationImageDataset(ImageDataset):
    """Chips from folders; see `SemanticSegmentationDataReader`."""

    def __init__(self, img_dir: str, label_dir: str, *args: Any, **kwargs: Any) -> None:
        """Constructor.

        Args:
            img_dir: Folder of images.
            label_dir: Folder of class ids.
            args: As for `AlbumentationsDataset`, after `orig_dataset`.
            kwargs: As for `AlbumentationsDataset`.
        """
        reader = SemanticSegmentationDataReader(img_dir, label_dir)
        kwargs.setdefault('transform_type', TransformType.semantic_segmentation)
        super().__init__(reader, *args, **kwargs)


def make_ss_geodataset(
    cls: type[GeoDatasetType],
    image_uri: str | list[str],
    label_raster_uri: str | list[str] | None = None,
    label_vector_uri: str | None = None,
    class_config: 'ClassConfig | None' = None,
    aoi_uri: str | list[str] | None = None,
    label_vector_default_class_id: int | None = None,
    image_raster_source_kw: dict[str, Any] | None = None,
    label_raster_source_kw: dict[str, Any] | None = None,
    label_vector_source_kw: dict[str, Any] | None = None,
    **kwargs: Any,
) -> GeoDatasetType:
    """Make a dataset of windows straight from files.

    Args:
        cls: The dataset class.
        image_uri: One image or several to be mosaicked.
        label_raster_uri: Raster of class ids. Give this, or `label_vector_uri`, or neither.
        label_vector_uri: GeoJSON of polygons with classes.
        class_config: The classes.
        aoi_uri: GeoJSON of areas of interest.
        label_vector_default_class_id: Class of polygons that name none.
        image_raster_source_kw: Arguments of the RasterioSource of the image.
        label_raster_source_kw: Arguments of the raster source of the labels.
        label_vector_source_kw: Arguments of the GeoJSONVectorSource of the labels.
        kwargs: Arguments of the dataset class.
    """
    scene = make_ss_scene(
        image_uri=image_uri,
        label_raster_uri=label_raster_uri,
        class_config=class_config,
        label_vector_uri=label_vector_uri,
        aoi_uri=aoi_uri or [],
        label_vector_default_class_id=label_vector_default_class_id,
        image_raster_source_kw=image_raster_source_kw or {},
        label_raster_source_kw=label_raster_source_kw or {},
        label_vector_source_kw=label_vector_source_kw or {},
    )
    return cls(scene, **kwargs)


class _SemanticSegmentationGeoDataset(GeoDataset):
    """What both kinds of windows have in common."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Constructor; the arguments are those of the class for windows of any task."""
        kwargs.setdefault('transform_type', TransformType.semantic_segmentation)
        super().__init__(*args, **kwargs)

    @classmethod
    def from_uris(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the dataset straight from files; see `make_ss_geodataset`."""
        return make_ss_geodataset(cls, *args, **kwargs)


class SemanticSegmentationSlidingWindowGeoDataset(
    _SemanticSegmentationGeoDataset, SlidingWindowGeoDataset
):
    """Windows on a grid with class ids per pixel; see `SlidingWindowGeoDataset`."""


class SemanticSegmentationRandomWindowGeoDataset(
    _SemanticSegmentationGeoDataset, BalancedWindowGeoDataset
):
    """Random windows with class ids per pixel; see `RandomWindowGeoDataset`."""

    def make_class_windows(self) -> ClassWindowSampler:
        """Find out where the pixels of classes lie, by reading all labels."""
        source = self.scene.label_source
        if not isinstance(source, SemanticSegmentationLabelSource):
            raise GeoDatasetError(
                f"Scene '{self.scene.id}' has no labels by pixel to balance classes by."
            )
        places = RasterPlaces(source, self.scene.extent, self.sampler.region())
        if source.class_config.null_is_nodata:
            places.areas.pop(source.class_config.null_class_id, None)
        return ClassWindowSampler(self.sampler, places)
