"""Datasets of regression."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rastervision.core.box import Box
from rastervision.core.data.utils.factory import make_cr_scene
from rastervision.pytorch_learner.dataset.dataset import ImageDataset
from rastervision.pytorch_learner.dataset.geo_dataset import (
    GeoDataset,
    RandomWindowGeoDataset,
    SlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.transform import TransformType
from rastervision.pytorch_learner.dataset.utils.utils import ImageDatasetError, load_image

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig

GeoDatasetType = TypeVar('GeoDatasetType', bound=GeoDataset)

PROBES = 256
"""Random windows whose values stand for those of a scene."""


class RegressionDataReader(Dataset[tuple[NDArray[Any], NDArray[np.float32]]]):
    """Images in `img`, and a table `labels.csv` of their values.

    The first column of the table has the names of the files, whatever it is called. The others
    are known by the names of the targets; nothing stands for a value that is not known.
    """

    def __init__(self, data_dir: str, class_names: Iterable[str]) -> None:
        """Constructor.

        Args:
            data_dir: Folder of the table, and of the folder of images.
            class_names: Names of the targets, in the order in which values are given.

        Raises:
            ImageDatasetError: The table is missing, lacks a target, has something that is no
                number, or names a file that does not exist.
        """
        self.data_dir = Path(data_dir)
        self.class_names = list(class_names)
        path = self.data_dir / 'labels.csv'
        try:
            with path.open(newline='', encoding='utf8') as file:
                rows = [row for row in csv.reader(file) if row]
        except OSError as error:
            raise ImageDatasetError(f'{path} cannot be read: {error}') from error
        header, *rows = rows or [[]]
        missing = [name for name in self.class_names if name not in header[1:]]
        if missing:
            raise ImageDatasetError(
                f"{path} has no column '{missing[0]}'; the first column names the files, the "
                f'others are {", ".join(header[1:]) or "missing"}.'
            )
        columns = [header.index(name, 1) for name in self.class_names]
        self.img_paths = [_chip_path(self.data_dir / 'img' / row[0]) for row in rows]
        values = [[_number(row, i, path) for i in columns] for row in rows]
        self._targets = np.array(values, dtype=np.float32).reshape(len(rows), len(columns))

    def __getitem__(self, ind: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Image (H, W, C) and values (K,)."""
        image = load_image(self.img_paths[ind])
        return image[..., np.newaxis] if image.ndim == 2 else image, self._targets[ind]

    def __len__(self) -> int:
        return len(self.img_paths)

    def targets(self) -> NDArray[np.float32]:
        """(len, K) values of all items, NaN where unknown."""
        return self._targets


def _chip_path(path: Path) -> Path:
    """Where a chip is: unpacking turns some PNG files into arrays, see `chip_dirs`."""
    array = path.with_suffix('.npy')
    if not path.is_file() and not array.is_file():
        raise ImageDatasetError(f'{path} does not exist, but labels.csv names it.')
    return path if path.is_file() else array


def _number(row: list[str], column: int, path: Path) -> float:
    text = row[column].strip() if column < len(row) else ''
    try:
        value = float(text or 'nan')
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise ImageDatasetError(f"{path} has '{text}' for {row[0]}, which is no number.")
    return value


class RegressionImageDataset(ImageDataset):
    """Chips with values from a table; see `RegressionDataReader`."""

    def __init__(
        self, data_dir: str, class_names: Iterable[str], *args: Any, **kwargs: Any
    ) -> None:
        """Constructor.

        Args:
            data_dir: Folder of the table and the chips.
            class_names: Names of the targets.
            args: As for `AlbumentationsDataset`, after `orig_dataset`.
            kwargs: As for `AlbumentationsDataset`.
        """
        reader = RegressionDataReader(data_dir, class_names)
        kwargs.setdefault('transform_type', TransformType.regression)
        super().__init__(reader, *args, **kwargs)

    def targets(self) -> NDArray[np.float32]:
        """(len, K) values of all items, NaN where unknown."""
        values: NDArray[np.float32] = self.orig_dataset.targets()
        return values


def make_cr_geodataset(
    cls: type[GeoDatasetType],
    image_uri: str | list[str],
    label_vector_uri: str | list[str] | None = None,
    class_config: 'ClassConfig | None' = None,
    aoi_uri: str | list[str] | None = None,
    image_raster_source_kw: dict[str, Any] | None = None,
    label_vector_source_kw: dict[str, Any] | None = None,
    label_source_kw: dict[str, Any] | None = None,
    **kwargs: Any,
) -> GeoDatasetType:
    """Make a dataset of windows straight from files.

    Args:
        cls: The dataset class.
        image_uri: One image or several to be mosaicked.
        label_vector_uri: Features that have the targets as properties.
        class_config: Its names are those of the targets.
        aoi_uri: Areas of interest.
        image_raster_source_kw: Arguments of the RasterioSource of the image.
        label_vector_source_kw: Arguments of the GeoJSONVectorSource of the labels.
        label_source_kw: Fields of the ChipRegressionLabelSourceConfig.
        kwargs: Arguments of the dataset class.
    """
    scene = make_cr_scene(
        image_uri=image_uri,
        label_vector_uri=label_vector_uri,
        class_config=class_config,
        aoi_uri=aoi_uri or [],
        image_raster_source_kw=image_raster_source_kw,
        label_vector_source_kw=label_vector_source_kw,
        label_source_kw=label_source_kw,
    )
    return cls(scene, **kwargs)


class _RegressionGeoDataset(GeoDataset):
    """What both kinds of windows have in common."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Constructor; the arguments are those of the class for windows of any task."""
        kwargs.setdefault('transform_type', TransformType.regression)
        super().__init__(*args, **kwargs)

    @classmethod
    def from_uris(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the dataset straight from files; see `make_cr_geodataset`."""
        return make_cr_geodataset(cls, *args, **kwargs)

    def values_of(self, windows: Iterable[Box]) -> NDArray[np.float32]:
        """(N, K) values of windows, without reading their pixels."""
        source: Any = self.scene.label_source
        return np.array([source[window] for window in windows], dtype=np.float32)


class RegressionSlidingWindowGeoDataset(_RegressionGeoDataset, SlidingWindowGeoDataset):
    """Windows on a grid with values; see `SlidingWindowGeoDataset`."""

    def targets(self) -> NDArray[np.float32]:
        """(len, K) values of all windows, NaN where unknown."""
        return self.values_of(self.windows)


class RegressionRandomWindowGeoDataset(_RegressionGeoDataset, RandomWindowGeoDataset):
    """Random windows with values; see `RandomWindowGeoDataset`."""

    def targets(self) -> NDArray[np.float32]:
        """(N, K) values of some windows, NaN where unknown."""
        rng = np.random.default_rng(0)
        return self.values_of(self.sampler.sample(rng) for _ in range(PROBES))
