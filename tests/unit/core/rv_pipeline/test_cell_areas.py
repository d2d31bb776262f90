"""Cells in areas of interest: splits, resume, changes."""

import numpy as np
import pytest
import rasterio
import shapely
from unit.core.rv_pipeline.cell_pipeline import (
    counted,
    outputs,
    outputs_of_splits,
    pipelines_of_cells,
)
from unit.core.rv_pipeline.split_pipeline import run

from rastervision.pipeline.errors import StageError

AREAS = [
    shapely.box(2, 100, 15, 500.5),
    shapely.box(0, 700, 24, 770),
    shapely.box(-9, 990, 3, 1100),
]


@pytest.fixture
def make_pipeline(make_scene, tmp_path):
    """Return a function that makes a pipeline over two scenes, below a root of its own."""
    return pipelines_of_cells(make_scene, tmp_path)


@pytest.fixture
def write_areas(make_pipeline, tmp_path):
    """Return a function that writes areas of interest of the scene called tall, AREAS at first."""
    with rasterio.open(tmp_path / 'tall.tif') as image:
        to_map = image.transform

    def write(areas):
        on_map = shapely.transform(
            shapely.union_all(areas), lambda xy: np.stack(to_map @ xy.T, axis=-1)
        )
        (tmp_path / 'aoi.json').write_text(shapely.to_geojson(on_map))

    write(AREAS)
    return write


@pytest.fixture
def aoi_only(make_pipeline, write_areas, tmp_path):
    """Return a function that makes a pipeline that predicts nothing else of the scene tall."""

    def make(name, batch_sz=7, **backend):
        pipeline = make_pipeline(name, **backend)
        pipeline.config.dataset.validation_scenes[0].aoi_uris = [str(tmp_path / 'aoi.json')]
        options = pipeline.config.predict_options
        options.aoi_only, options.batch_sz = True, batch_sz
        return pipeline

    return make


def stored(pipeline):
    scenes = map(pipeline.build_scene, pipeline.config.dataset.validation_scenes)
    return [scene.label_store.get_labels() for scene in scenes]


def test_cells_outside_of_areas_of_interest_are_not_predicted(make_pipeline, aoi_only):
    whole, only = make_pipeline('whole'), aoi_only('only', batch_sz=1)
    whole.config.predict_options.batch_sz = 1
    whole.predict()
    only.predict()
    (tall, b), (some, all_of_b) = stored(whole), stored(only)
    area = shapely.union_all(AREAS)
    assert some == tall.take([area.intersects(cell.to_shapely()) for cell in tall])
    assert 0 < len(some) < len(tall) - 100
    assert all_of_b == b  # which has no area of interest
    assert counted(only) == len(some) + len(b)


def test_splits_change_no_byte_of_areas_of_interest(aoi_only):
    assert outputs_of_splits(aoi_only)


@pytest.mark.parametrize('num_splits', [1, 2])
def test_areas_of_interest_go_on_where_they_stopped(aoi_only, num_splits):
    whole, resumed = aoi_only('whole'), aoi_only('resumed', fail_at=100)
    whole.predict()
    with pytest.raises(StageError, match='power cut'):
        run(resumed, 'predict', num_splits)
    before = counted(resumed)
    resumed.config.backend.fail_at = 0
    run(resumed, 'predict', num_splits)
    assert outputs(resumed) == outputs(whole)
    assert counted(whole) <= counted(resumed) < counted(whole) + 70  # a part is lost
    assert before < counted(whole)


def test_another_area_of_interest_is_another_prediction(aoi_only, write_areas):
    pipeline = aoi_only('root')
    pipeline.predict()
    count = counted(pipeline)
    pipeline.predict()
    assert counted(pipeline) == count
    write_areas(AREAS[:1])
    pipeline.predict()
    tall, _ = stored(pipeline)
    assert counted(pipeline) == count + len(tall) < 2 * count
