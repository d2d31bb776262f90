"""Which cells of a scene are scored."""

from types import SimpleNamespace

import numpy as np
import pytest
import shapely

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabels,
    ChipClassificationLabelSource,
    ChipClassificationLabelSourceConfig,
    ClassConfig,
    IdentityCRSTransformer,
)
from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.vector_source import VectorSource
from rastervision.core.evaluation import (
    ChipClassificationEvaluation,
    ChipClassificationEvaluator,
    ObjectDetectionEvaluation,
)
from rastervision.pipeline.errors import DataError

CLASSES = ClassConfig(names=['a', 'b'])
EXTENT = Box(0, 0, 55, 65)
GRID = EXTENT.get_windows(10, 10)


class InMemory(VectorSource):
    """Polygons that are given, of class 0."""

    def __init__(self, shapes):
        super().__init__(IdentityCRSTransformer())
        self._given = Features(as_geoms(shapes), [{'class_id': 0}] * len(shapes), 'memory')

    def _get_features(self):
        return self._given


def scene_of(shapes, predicted, aoi=(), **config):
    """Return a scene whose predicted cells are all of class 0."""
    source = ChipClassificationLabelSource(
        ChipClassificationLabelSourceConfig(**config), InMemory(shapes), EXTENT
    )
    sides = Box.to_npboxes(predicted)
    labels = ChipClassificationLabels.from_arrays(sides, np.zeros(len(sides)))
    return SimpleNamespace(
        id='here',
        extent=EXTENT,
        label_source=source,
        label_store=SimpleNamespace(get_labels=lambda: labels),
        aoi_polygons_bbox_coords=list(aoi),
    )


def score(scene):
    return ChipClassificationEvaluator(CLASSES).evaluate_scene(scene).conf_mat.tolist()


def test_classes_are_inferred_for_the_cells_that_were_predicted():
    windows = EXTENT.get_windows(10, 7)
    polygon = shapely.box(0, 0, 14, 14)
    scene = scene_of(
        [polygon], windows, infer_cells=True, cell_sz=20, background_class_id=1, ioa_thresh=0.5
    )
    inside = sum(w.to_shapely().intersection(polygon).area >= 98 for w in windows)
    assert inside > 0
    assert score(scene) == [[inside, 0], [len(windows) - inside, 0]]


def test_cells_a_pixel_off_are_the_same():
    rng = np.random.default_rng(0)
    shapes = [
        shapely.transform(cell.to_shapely(), lambda xy: xy - rng.integers(0, 2, 2)) for cell in GRID
    ]
    assert score(scene_of(shapes, GRID)) == [[len(GRID), 0], [0, 0]]


def test_cells_two_pixels_off_are_others(caplog):
    with pytest.raises(
        DataError,
        match=r"'here' cannot be scored: none of its 42 true cells \(10 x 10 pixels\) is one of "
        r'its 12 predicted cells \(20 x 20 pixels\).*chip_sz and stride.*infer_cells',
    ):
        score(scene_of([cell.to_shapely() for cell in GRID], EXTENT.get_windows(20, 20)))
    shapes = [GRID[0].to_shapely(), shapely.box(12, 0, 22, 10)]
    assert score(scene_of(shapes, GRID)) == [[1, 0], [0, 0]]
    assert "'here': only 1 of 2 true cells were predicted" in caplog.text


@pytest.mark.parametrize('off', [0, 1])
def test_true_cells_may_be_cut_at_the_edge_of_the_image(caplog, off):
    cut = [cell.intersection(EXTENT).to_shapely() for cell in GRID]
    shapes = [shapely.transform(shape, lambda xy: xy - off) for shape in cut]
    scene = scene_of(shapes, GRID)
    assert score(scene) == [[len(GRID), 0], [0, 0]]
    assert not caplog.records
    whole = [cell.to_shapely() for cell in GRID]
    cut_windows = [cell.intersection(EXTENT) for cell in GRID]
    assert score(scene_of(whole, cut_windows)) == [[len(GRID), 0], [0, 0]]


def test_small_cells_are_not_those_beside_them():
    cells = [Box(0, 0, 2, 2), Box(1, 0, 3, 2)]
    labels = ChipClassificationLabels({cells[0]: (0, None)})
    assert labels.at(Box.to_npboxes(cells)).get_cells() == cells[:1]


def test_each_true_cell_is_one_predicted_cell():
    predicted = [Box(y, 0, y + 10, 10) for y in (0, 1, 2, 11)]
    labels = ChipClassificationLabels({Box(y, 0, y + 10, 10): (y, None) for y in (1, 12)})
    found = labels.at(Box.to_npboxes(predicted))
    assert dict(zip(found.get_cells(), found.get_class_ids(), strict=True)) == {
        predicted[1]: 1,
        predicted[3]: 12,
    }


def test_nothing_to_score_is_no_error():
    assert score(scene_of([GRID[0].to_shapely()], [])) == [[0, 0], [0, 0]]
    assert score(scene_of([], GRID)) == [[0, 0], [0, 0]]


def test_cells_at_the_border_lie_within_an_area_of_the_whole_image():
    assert GRID[-1].ymax > EXTENT.ymax
    shapes = [cell.to_shapely() for cell in GRID]
    aoi = EXTENT.to_shapely()
    assert score(scene_of(shapes, GRID, [aoi])) == [[len(GRID), 0], [0, 0]]
    outside = [*GRID, Box(60, 0, 70, 10)]
    assert score(scene_of(shapes, outside, [aoi])) == [[len(GRID), 0], [0, 0]]
    left = shapely.box(0, 0, 20, 55)
    assert score(scene_of(shapes, GRID, [left])) == [[12, 0], [0, 0]]


@pytest.mark.parametrize('class_id', [-1, 2])
@pytest.mark.parametrize('of_truth', [True, False])
def test_classes_that_do_not_exist(class_id, of_truth):
    what = 'true' if of_truth else 'predicted'
    message = f'A {what} {{}} is of class {class_id}, but the classes have ids 0..1'
    ids = (class_id, 0) if of_truth else (0, class_id)
    cells = [ChipClassificationLabels({GRID[0]: (i, None)}) for i in ids]
    with pytest.raises(DataError, match=message.format('cell')):
        ChipClassificationEvaluation(CLASSES).compute(*cells)
    boxes = [ObjectDetectionLabels([GRID[0].tuple_format()], [i], [1.0]) for i in ids]
    with pytest.raises(DataError, match=message.format('box')):
        ObjectDetectionEvaluation(CLASSES).compute(*boxes)
