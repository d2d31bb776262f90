"""ChipRegressionLabelSource: values for every cell (C+E)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.label import ChipRegressionLabels
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.utils.arguments import as_bbox
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.misc import parse_array_slices_2d
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig

MAX_VALUE = float(np.finfo(np.float32).max)
"""Values are kept as float32."""


class ChipRegressionLabelSource(LabelSource):
    """Values that polygons, lines and points have as properties, for cells.

    The value of a cell is the mean of those of the features in it, weighted by the area that they
    share with it. A line counts as one pixel wide, a point as one pixel. It is NaN where no feature
    in the cell has one.
    """

    def __init__(
        self,
        vector_source: VectorSource,
        target_names: list[str],
        bbox: Box | None = None,
        cell_sz: int | None = None,
    ) -> None:
        """Constructor.

        Args:
            vector_source: Features that have the targets as properties.
            target_names: Names of the targets.
            bbox: Part of the labels that is used, in the source pixel frame; None takes that of
                the vector source.
            cell_sz: Height and width of the cells of `get_labels()`, in pixels.

        Raises:
            DataError: No feature has a property of that name, or a value is no finite number.
        """
        self.vector_source = vector_source
        self.target_names = list(target_names)
        self.cell_sz = cell_sz
        self._bbox = vector_source.bbox if bbox is None else as_bbox(bbox)
        self._values = _values(vector_source.features, self.target_names)

    def values_at(self, cells: NDArray[Any]) -> NDArray[np.float32]:
        """Values of cells.

        Args:
            cells: (N, 4) ymin, xmin, ymax, xmax in the extent frame.

        Returns:
            (N, K) values, NaN where unknown.
        """
        ymin, xmin, ymax, xmax = cells.T
        dy, dx = self._bbox.ymin, self._bbox.xmin
        boxes = shapely.box(xmin + dx, ymin + dy, xmax + dx, ymax + dy)
        cell, feature = self.vector_source.tree.query(boxes, predicate='intersects')
        weights = _weights(self.vector_source.features.geoms[feature], boxes[cell])
        values = self._values[feature]
        known = ~np.isnan(values)
        weights = np.where(known, weights[:, None], 0)
        sums, totals = np.zeros((2, len(cells), values.shape[1]))
        np.add.at(sums, cell, np.where(known, values, 0) * weights)
        np.add.at(totals, cell, weights)
        mean = np.full(sums.shape, np.nan)
        np.divide(sums, totals, out=mean, where=totals > 0)
        return mean.astype(np.float32)

    def get_labels(self, window: Box | None = None) -> ChipRegressionLabels:
        """Labels of a window as one cell, or of all cells of the extent.

        Raises:
            ConfigError: There is no cell_sz to cut the extent by.
        """
        if window is None:
            if self.cell_sz is None:
                raise ConfigError('cell_sz of the label source is not set: give the size of cells.')
            cells = Box.to_npboxes(self.extent.get_windows(self.cell_sz, self.cell_sz))
        else:
            cells = Box.to_npboxes([window])
        return ChipRegressionLabels(cells, self.values_at(cells))

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """(K,) values of a window, by Box or by slices."""
        window = key if isinstance(key, Box) else parse_array_slices_2d(key, self.extent)[0]
        values: NDArray[np.float32] = self.values_at(Box.to_npboxes([window]))[0]
        return values

    @property
    def bbox(self) -> Box:
        """Part of the labels that is used, in the source pixel frame."""
        return self._bbox

    @property
    def crs_transformer(self) -> CRSTransformer:
        """That of the vector source."""
        return self.vector_source.crs_transformer

    def set_bbox(self, bbox: Box) -> None:
        """Use another part of the labels; windows then count from its upper left corner."""
        self._bbox = as_bbox(bbox)

    @property
    def labels_bbox(self) -> Box | None:
        """Box around all features."""
        return self.vector_source.features_bbox


def _weights(geoms: Any, boxes: Any) -> NDArray[np.float64]:
    """(P,) areas that geometries share with boxes, pair by pair."""
    shared = shapely.intersection(geoms, boxes)
    by_dimension = np.stack(
        [np.ones(len(shared)), shapely.length(shared), shapely.area(shared)], axis=-1
    )
    dimension = shapely.get_dimensions(geoms)
    weights: NDArray[np.float64] = by_dimension[np.arange(len(shared)), dimension]
    return weights


def _values(features: Features, names: list[str]) -> NDArray[np.float64]:
    """(N, K) values of the targets, NaN where a feature has none."""
    columns = []
    for name in names:
        if len(features) and all(value is None for value in features.column(name)):
            known = {key for properties in features.properties for key in properties}
            raise DataError(
                f'{features.origin}: no feature has the property {name!r}, a target (the names of '
                f'the class config are those of the targets).{did_you_mean(name, known)}'
            )
        column = features.numbers(name)
        too_large = np.flatnonzero(np.abs(column) > MAX_VALUE)
        if len(too_large):
            raise DataError(
                f'{features.origin}: the property {name!r} is {column[too_large[0]]}, which is '
                f'beyond +-{MAX_VALUE:.3g}; correct it, or leave it out where it is not known.'
            )
        columns.append(column)
    return np.array(columns).reshape(len(names), len(features)).T


@register_config('chip_regression_label_source')
class ChipRegressionLabelSourceConfig(LabelSourceConfig):
    """Values of cells from the properties of features; the class names are those of the targets."""

    vector_source: VectorSourceConfig | None = Field(
        None, description='Features that have the targets as properties.'
    )
    cell_sz: int | None = Field(
        None,
        gt=0,
        description='Height and width of the cells in pixels. When absent, those of the windows '
        'of PREDICT.',
    )

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Fill the size of the cells."""
        super().update(pipeline, scene)
        if self.cell_sz is None and pipeline is not None:
            self.cell_sz = pipeline.predict_options.chip_sz
        if self.vector_source is not None:
            self.vector_source.update(pipeline, scene)

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - interface
    ) -> ChipRegressionLabelSource:
        """Build the label source.

        Raises:
            ConfigError: There is no vector_source.
        """
        if self.vector_source is None:
            raise ConfigError('vector_source of the label source is not set: give the features.')
        source = self.vector_source.build(class_config, crs_transformer, bbox)
        return ChipRegressionLabelSource(source, class_config.names, bbox, self.cell_sz)
