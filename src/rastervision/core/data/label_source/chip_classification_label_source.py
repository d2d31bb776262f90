"""ChipClassificationLabelSource: a class id for every cell (C+E)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.label.chip_classification_labels import ChipClassificationLabels
from rastervision.core.data.label.utils import overlapping
from rastervision.core.data.label_source.cell_inference import (
    NO_CLASS,
    CellRule,
    infer_class_ids,
)
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.utils.arguments import as_bbox
from rastervision.core.data.utils.features import (
    Features,
    Geoms,
    as_geoms,
    check_polygons,
    to_class_ids,
)
from rastervision.core.data.utils.misc import describe_source, parse_array_slices_2d
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from rastervision.core.data.scene import SceneConfig


class ChipClassificationLabelSource(LabelSource):
    """Classes of cells, which are there as polygons or follow from the polygons in them.

    Cells are boxes in the extent frame. `source[window]` gives the class id of a window: that of
    the cell that it is, or else what follows from the polygons in it.
    """

    def __init__(
        self,
        label_source_config: 'ChipClassificationLabelSourceConfig',
        vector_source: VectorSource,
        bbox: Box | None = None,
        lazy: bool = False,
    ) -> None:
        """Constructor.

        Args:
            label_source_config: How cells get their classes.
            vector_source: Polygons with class ids.
            bbox: Part of the labels that is used, in the source pixel frame; None takes that of
                the vector source.
            lazy: Whether cells get their classes when they are asked for, and not now.

        Raises:
            DataError: A feature has no class id, or is no polygon.
            ConfigError: Classes of cells are to follow from polygons, now, but there is no cell_sz.
        """
        self.cfg = label_source_config
        self.vector_source = vector_source
        self.uris = getattr(vector_source, 'uris', None)
        self.lazy = lazy
        self._bbox = vector_source.bbox if bbox is None else as_bbox(bbox)
        self._rule = CellRule(
            self.cfg.ioa_thresh, self.cfg.use_intersection_over_cell, self.cfg.pick_min_class_id
        )
        self._class_ids = _class_ids(vector_source.features, describe_source(self))
        self._labels: ChipClassificationLabels | None = None
        if not lazy:
            self.populate_labels()

    def populate_labels(self, cells: Iterable[Box] | None = None) -> None:
        """Read or infer the labels of all cells, or of those that are given."""
        if self.cfg.infer_cells or cells is not None:
            self._labels = self.infer_cells(cells)
        else:
            near = self.vector_source.query(self._bbox)
            cells_there = self.vector_source.features.take(near)
            self._labels = ChipClassificationLabels.from_features(cells_there, self._bbox)

    def infer_cells(
        self, cells: Iterable[Box] | NDArray[np.int64] | None = None
    ) -> ChipClassificationLabels:
        """Labels that follow from polygons, for cells in the extent frame.

        Args:
            cells: The cells, or (N, 4) ymin, xmin, ymax, xmax of them; None takes squares of
                cell_sz over the extent, side by side.

        Raises:
            ConfigError: There is no cell_sz.
        """
        if cells is None:
            size = self.cfg.cell_sz
            if size is None:
                raise ConfigError(
                    'cell_sz of the chip classification label source is not set: give the height '
                    'and width of the cells in pixels, or lazy=True, which infers the class of a '
                    'window when it is asked for.'
                )
            cells = self.extent.get_windows(size, size)
        sides = cells if isinstance(cells, np.ndarray) else Box.to_npboxes(cells)
        return ChipClassificationLabels.from_arrays(sides, self._infer(sides))

    def _infer(self, cells: NDArray[Any]) -> NDArray[np.int64]:
        """(N,) class ids of cells (N, 4) in the extent frame."""
        dy, dx = self._bbox.ymin, self._bbox.xmin
        source = self.vector_source
        ids = infer_class_ids(
            cells + np.array([dy, dx, dy, dx]),
            source.features.geoms,
            source.tree,
            self._class_ids,
            self._rule,
        )
        unknown = ids == NO_CLASS
        if self.cfg.background_class_id is not None:
            ids[unknown] = self.cfg.background_class_id
        elif unknown.any():
            cell = Box.from_npbox(cells[unknown][0]).tuple_format()
            raise DataError(
                f'{describe_source(self)}: no class follows for the window {cell} (ymin, xmin, '
                'ymax, xmax), as no polygon has enough of its area in it. If the polygons are '
                'cells, sample windows that reach out of none of them (padding=0 and the size of '
                'the cells); if they are objects in cells, set infer_cells=True. With '
                'background_class_id, windows without a class are of that one.'
            )
        return ids

    def get_labels(self, window: Box | None = None) -> ChipClassificationLabels:
        """Labels of a window as one cell, or of all cells."""
        if window is not None:
            return ChipClassificationLabels({window: (self[window], None)})
        if self._labels is None:
            self.populate_labels()
        return self.labels

    def polygons(self) -> tuple[Geoms, NDArray[np.int64]]:
        """The polygons that touch the extent, in its frame, and their class ids."""
        near = self.vector_source.query(self._bbox)
        corner = self._bbox.xmin, self._bbox.ymin
        geoms = self.vector_source.features.geoms[near]
        return shapely.transform(geoms, lambda xy: xy - corner), self._class_ids[near]

    @property
    def labels(self) -> ChipClassificationLabels:
        """The labels of all cells; none before they are asked for, if the source is lazy."""
        return ChipClassificationLabels.make_empty() if self._labels is None else self._labels

    @property
    def labels_df(self) -> 'GeoDataFrame':
        """The polygons, with class ids, as a table."""
        return self.vector_source.get_dataframe()

    def __getitem__(self, key: Any) -> int:
        """Class id of a window, by Box or by slices.

        Raises:
            DataError: None follows, and there is no background class.
        """
        window = key if isinstance(key, Box) else parse_array_slices_2d(key, self.extent)[0]
        known = None if self._labels is None else self._labels.get_cell_class_id(window)
        return int(self._infer(Box.to_npboxes([window]))[0]) if known is None else known

    def validate_labels(self, df: 'GeoDataFrame') -> None:
        """Raise DataError unless all rows of a table are polygons with a class_id."""
        ids = df['class_id'].tolist() if 'class_id' in df else [None] * len(df)
        properties = [{'class_id': class_id} for class_id in ids]
        _class_ids(Features(as_geoms(df.geometry), properties), describe_source(self))

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
        bbox = as_bbox(bbox)
        if bbox != self._bbox:
            self._bbox = bbox
            if self._labels is not None:
                self.populate_labels()

    @property
    def labels_bbox(self) -> Box | None:
        """Box around all polygons."""
        return self.vector_source.features_bbox


def infer_cells(
    cells: Sequence[Box],
    labels_df: 'GeoDataFrame',
    ioa_thresh: float,
    use_intersection_over_cell: bool,
    pick_min_class_id: bool,
    background_class_id: int,
) -> ChipClassificationLabels:
    """Labels of cells that follow from polygons.

    Args:
        cells: Cells in the frame of the polygons.
        labels_df: A table of polygons with a column class_id.
        ioa_thresh: Least share of its area that a polygon must have in a cell to count there.
        use_intersection_over_cell: Compare with the share of the cell's area instead.
        pick_min_class_id: Of several polygons that count, take the least class id instead of the
            one with the largest share.
        background_class_id: Class of cells that no polygon counts in.
    """
    geoms = as_geoms(labels_df.geometry)
    ids = infer_class_ids(
        Box.to_npboxes(cells),
        geoms,
        shapely.STRtree(geoms),
        labels_df['class_id'].to_numpy(dtype=np.int64),
        CellRule(ioa_thresh, use_intersection_over_cell, pick_min_class_id),
    )
    ids[ids == NO_CLASS] = background_class_id
    return ChipClassificationLabels.from_arrays(Box.to_npboxes(cells), ids)


def read_labels(labels_df: 'GeoDataFrame', bbox: Box | None = None) -> ChipClassificationLabels:
    """Labels of cells that are there as polygons.

    Args:
        labels_df: A table of cells with a column class_id and maybe one of scores.
        bbox: Only cells that share area with it are read; in the frame of the cells.
    """
    names = [name for name in ('class_id', 'scores', 'nodata') if name in labels_df]
    rows = zip(*(labels_df[name].tolist() for name in names), strict=True)
    properties = [dict(zip(names, row, strict=True)) for row in rows]
    features = Features(as_geoms(labels_df.geometry), properties)
    labels = ChipClassificationLabels.from_features(features)
    return labels if bbox is None else labels.take(overlapping(labels.cells, bbox))


def _class_ids(features: Features, origin: str) -> NDArray[np.int64]:
    """(N,) class ids of polygons; DataError for features without class or of another kind."""
    ids = to_class_ids(features.column('class_id'), origin)
    check_polygons(features.geoms, origin, 'cells get their classes from polygons')
    return ids


def cc_label_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 4 and cfg_dict.get('ioa_thresh') is None:
        cfg_dict['ioa_thresh'] = 0.5
    return cfg_dict


@register_config('chip_classification_label_source', upgrader=cc_label_source_config_upgrader)
class ChipClassificationLabelSourceConfig(LabelSourceConfig):
    """Labels for chip classification: cells as polygons, or polygons that cells follow from."""

    vector_source: VectorSourceConfig | None = Field(
        None, description='Where the cells, or the polygons in them, come from.'
    )
    ioa_thresh: float = Field(
        0.5,
        ge=0,
        le=1,
        description='Where classes of cells follow from polygons: the least share of its area that '
        'a polygon must have in a cell to count there.',
    )
    use_intersection_over_cell: bool = Field(
        False,
        description="Take the share of the cell's area that a polygon covers instead of the share "
        "of the polygon's area that is in the cell.",
    )
    pick_min_class_id: bool = Field(
        False,
        description='Of several polygons that count in a cell, take the least class id instead of '
        'that of the polygon with the largest share.',
    )
    background_class_id: int | None = Field(
        None,
        ge=0,
        description='Class of cells that no polygon counts in; needed with infer_cells. Without '
        'infer_cells, it is that of windows that are no cells.',
    )
    infer_cells: bool = Field(
        False,
        description='Cut the extent into cells whose classes follow from the polygons. Otherwise, '
        'the polygons are the cells.',
    )
    cell_sz: int | None = Field(
        None,
        gt=0,
        description='Height and width of inferred cells in pixels. When absent, those of the '
        'windows of PREDICT.',
    )
    lazy: bool = Field(
        False,
        description='Let cells get their classes when they are asked for. Otherwise they get them '
        'all when the label source is built.',
    )

    @model_validator(mode='after')
    def _check(self) -> Self:
        if self.infer_cells and self.background_class_id is None:
            raise ValueError(
                'infer_cells needs background_class_id, the class of cells without polygons.'
            )
        return self

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Fill the size of cells, and give the vector source the transformers that it needs."""
        if self.infer_cells and self.cell_sz is None and pipeline is not None:
            self.cell_sz = pipeline.predict_options.chip_sz
        if self.vector_source is not None:
            self.vector_source.add_default_transformers()
            self.vector_source.update(pipeline=pipeline, scene=scene)

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - interface
    ) -> ChipClassificationLabelSource:
        """Build the label source.

        Raises:
            ConfigError: There is no vector_source, or background_class_id is no class.
        """
        if self.vector_source is None:
            raise ConfigError(
                'vector_source of the chip classification label source is not set: say where the '
                'cells or polygons come from.'
            )
        if self.background_class_id is not None:
            try:
                class_config.get_name(self.background_class_id)
            except ConfigError as e:
                raise ConfigError(f'background_class_id of a label source: {e}') from None
        source = self.vector_source.build(class_config, crs_transformer, bbox)
        return ChipClassificationLabelSource(self, source, bbox, lazy=self.lazy)
