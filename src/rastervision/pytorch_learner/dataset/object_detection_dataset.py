"""Datasets of object detection."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rastervision.core.box import Box
from rastervision.core.data.utils.factory import make_od_scene
from rastervision.core.sampling import RandomWindowSampler
from rastervision.core.sampling.object_windows import ObjectWindowSampler
from rastervision.pipeline.file_system import file_to_json
from rastervision.pytorch_learner.dataset.boxes import Labels
from rastervision.pytorch_learner.dataset.dataset import ImageDataset
from rastervision.pytorch_learner.dataset.geo_dataset import (
    GeoDataset,
    RandomWindowGeoDataset,
    SlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.transform import Sample, TransformType
from rastervision.pytorch_learner.dataset.utils.utils import (
    ImageDatasetError,
    load_image,
)

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.pytorch_learner.dataset.transform import Transform

GeoDatasetType = TypeVar('GeoDatasetType', bound=GeoDataset)


class CocoDataset(Dataset[tuple[NDArray[Any], Labels]]):
    """Images in a folder, and their boxes in a COCO file; category ids are class ids."""

    def __init__(self, img_dir: str, annotation_uri: str) -> None:
        """Constructor.

        Args:
            img_dir: Folder of the images.
            annotation_uri: JSON with `images` and `annotations`. File names are relative to the
                folder.

        Raises:
            ImageDatasetError: The file is no such JSON, or names an image that is not there.
        """
        self.img_dir = Path(img_dir)
        self.annotation_uri = annotation_uri
        self.img_paths: list[Path] = []
        self._labels: list[Labels] = []
        try:
            coco = file_to_json(annotation_uri)
            found: dict[Any, list[Any]] = {image['id']: [] for image in coco['images']}
            for position, one in enumerate(coco['annotations']):
                if one['image_id'] not in found:
                    raise ImageDatasetError(
                        f'{annotation_uri}: annotation {position} names image_id '
                        f'{one["image_id"]!r}, which is none of the images.'
                    )
                if not one.get('iscrowd'):  # a box around many objects is none of an object
                    found[one['image_id']].append((*one['bbox'], one['category_id']))
            self.categories: dict[int, str] = {
                int(one['id']): str(one['name']) for one in coco.get('categories', ())
            }
            names = {image['id']: image['file_name'] for image in coco['images']}
            for img_id, rows in found.items():
                boxes = np.array(rows, dtype=np.float64).reshape(-1, 5)
                self.img_paths.append(self._find(names[img_id]))
                self._labels.append((boxes[:, :4], boxes[:, 4].astype(np.int64), 'xywh'))
        except (KeyError, TypeError, ValueError) as error:
            raise ImageDatasetError(
                f'{annotation_uri} is no COCO file of boxes ({type(error).__name__}: {error}); it '
                'needs images with id and file_name, and annotations with image_id, category_id '
                'and bbox.'
            ) from error
        for path, (boxes, _, _) in zip(self.img_paths, self._labels, strict=True):
            if not np.isfinite(boxes).all():
                raise ImageDatasetError(
                    f'{annotation_uri} has a bbox of {path.name} with a number that is not finite.'
                )
        missing = [path for path in self.img_paths if not path.is_file()]
        if missing:
            raise ImageDatasetError(
                f'{annotation_uri} names {missing[0].name}, which is not in {img_dir} '
                f'({len(missing)} such).'
            )

    def _find(self, name: str) -> Path:
        """Path of an image; unpacking chips may have made an array of it."""
        path = self.img_dir / name
        array = path.with_suffix('.npy')
        return array if array.is_file() and not path.is_file() else path

    @property
    def class_ids(self) -> list[int]:
        """The class ids of all boxes, each once and in order."""
        return sorted({int(class_id) for _, ids, _ in self._labels for class_id in ids})

    @property
    def num_boxes(self) -> int:
        """The number of boxes of all images."""
        return sum(len(boxes) for boxes, _, _ in self._labels)

    def __getitem__(self, ind: int) -> tuple[NDArray[Any], Labels]:
        """Image (H, W, C), and its boxes (N, 4) in pixels, class ids (N,) and 'xywh'."""
        image = load_image(self.img_paths[ind])
        return (image[..., np.newaxis] if image.ndim == 2 else image), self._labels[ind]

    def __len__(self) -> int:
        return len(self.img_paths)


class ObjectDetectionImageDataset(ImageDataset):
    """Chips with boxes; see `CocoDataset`."""

    orig_dataset: CocoDataset

    def __init__(self, img_dir: str, annotation_uri: str, *args: Any, **kwargs: Any) -> None:
        """Constructor.

        Args:
            img_dir: Folder of images.
            annotation_uri: COCO file.
            args: As for `AlbumentationsDataset`, after `orig_dataset`.
            kwargs: As for `AlbumentationsDataset`.
        """
        reader = CocoDataset(img_dir, annotation_uri)
        kwargs.setdefault('transform_type', TransformType.object_detection)
        super().__init__(reader, *args, **kwargs)

    def check_classes(self, names: Sequence[str]) -> None:
        """Make sure that every category is a class.

        Args:
            names: Names of the classes, in the order of their ids.

        Raises:
            ImageDatasetError: One is none, or `categories` says that it is another one.
        """
        coco = self.orig_dataset
        rule = 'category ids are the positions of classes in class_config, from 0.'
        for class_id in coco.class_ids:
            if not 0 <= class_id < len(names):
                raise ImageDatasetError(
                    f'{coco.annotation_uri} has the category id {class_id}, but class ids are '
                    f'0..{len(names) - 1}: {rule}'
                )
        for class_id, name in coco.categories.items():
            if name in names and names[class_id : class_id + 1] != [name]:
                raise ImageDatasetError(
                    f"{coco.annotation_uri} calls category {class_id} '{name}', which is class "
                    f'{list(names).index(name)} of {", ".join(names)}: {rule}'
                )


def make_od_geodataset(
    cls: type[GeoDatasetType],
    image_uri: str | list[str],
    label_vector_uri: str | None = None,
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
        label_vector_uri: GeoJSON of boxes, or of polygons around objects, with classes.
        class_config: The classes.
        aoi_uri: GeoJSON of areas of interest.
        label_vector_default_class_id: Class of polygons that name none.
        image_raster_source_kw: Arguments of the RasterioSource of the image.
        label_vector_source_kw: Arguments of the GeoJSONVectorSource of the labels.
        label_source_kw: Arguments of the ObjectDetectionLabelSource.
        kwargs: Arguments of the dataset class.
    """
    scene = make_od_scene(
        image_uri=image_uri,
        label_vector_uri=label_vector_uri,
        class_config=class_config,
        aoi_uri=aoi_uri or [],
        label_vector_default_class_id=label_vector_default_class_id,
        image_raster_source_kw=image_raster_source_kw or {},
        label_vector_source_kw=label_vector_source_kw or {},
        label_source_kw=label_source_kw or {},
    )
    return cls(scene, **kwargs)


class _ObjectDetectionGeoDataset(GeoDataset):
    """What both kinds of windows have in common."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Constructor; the arguments are those of the class for windows of any task."""
        kwargs.setdefault('transform_type', TransformType.object_detection)
        super().__init__(*args, **kwargs)

    def append_resize_transform(
        self, transform: 'Transform | None', out_size: tuple[int, int]
    ) -> 'Transform':
        """The transform, followed by a resizing; one that is made for boxes stays so."""
        composed: Any = transform  # Albumentations has no types
        processors: dict[str, Any] = getattr(composed, 'processors', {})
        if 'bboxes' not in processors:
            return super().append_resize_transform(transform, out_size)
        from rastervision.pytorch_learner.alb import alb

        parts = [deepcopy(composed), alb.Resize(*out_size)]  # a part is not quite what it was
        return alb.Compose(parts, bbox_params=processors['bboxes'].params)

    @classmethod
    def from_uris(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the dataset straight from files; see `make_od_geodataset`."""
        return make_od_geodataset(cls, *args, **kwargs)


class ObjectDetectionSlidingWindowGeoDataset(_ObjectDetectionGeoDataset, SlidingWindowGeoDataset):
    """Windows on a grid with boxes; see `SlidingWindowGeoDataset`."""


class ObjectDetectionRandomWindowGeoDataset(_ObjectDetectionGeoDataset, RandomWindowGeoDataset):
    """Random windows with boxes; see `RandomWindowGeoDataset`."""

    def __init__(
        self,
        *args: Any,
        neg_ratio: float | None = None,
        ioa_thresh: float = 0.8,
        clip: bool = False,
        neg_ioa_thresh: float = 0.2,
        **kwargs: Any,
    ) -> None:
        """Constructor.

        Args:
            args: As for `RandomWindowGeoDataset`.
            neg_ratio: Windows without objects for each window around an object, on average. With
                None, windows are drawn anywhere.
            ioa_thresh: The least share of a box that must lie in a window, so that the box is one
                of the window.
            clip: Cut boxes to their window before the transform; after it, they always are.
            neg_ioa_thresh: A window counts as one without objects if less than this share of every
                object lies in it.
            kwargs: As for `RandomWindowGeoDataset`.
        """
        self.neg_ratio = neg_ratio
        self.ioa_thresh = ioa_thresh
        self.clip = clip
        self.neg_ioa_thresh = neg_ioa_thresh
        super().__init__(*args, **kwargs)

    def build_sampler(self, **options: Any) -> RandomWindowSampler:
        """Make what draws the windows: around objects if there is a `neg_ratio`."""
        if self.neg_ratio is None or self.scene.label_source is None:
            return super().build_sampler(**options)
        source: Any = self.scene.label_source
        boxes = source.get_labels().get_npboxes()
        return ObjectWindowSampler(
            self.scene.extent,
            boxes,
            self.neg_ratio,
            self.neg_ioa_thresh,
            ioa_thresh=self.ioa_thresh,
            **options,
        )

    def read(self, window: Box) -> Sample:
        """Image, and boxes of which enough lies in the window, in pixels from its corner."""
        source: Any = self.scene.label_source
        image = self.scene.raster_source.read(window).pixels
        if source is None:
            return image, None
        labels = source.get_labels(window, self.ioa_thresh, self.clip)
        corner = [window.ymin, window.xmin] * 2
        return image, (labels.get_npboxes() - corner, labels.get_class_ids(), 'yxyx')
