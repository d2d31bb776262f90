"""Labels of all tasks are counted, each in its own unit."""

import json

import numpy as np
import pytest
from unit.core.rv_pipeline.box_pipeline import BOXES, pipelines_of_boxes
from unit.core.rv_pipeline.cell_pipeline import (
    pipeline_of_values,
    pipelines_of_cells,
)


def test_boxes_are_counted(tmp_path) -> None:
    validation = pipelines_of_boxes(tmp_path)().validate()
    labels = validation.facts['scenes'][0]['labels']
    assert labels['unit'] == 'boxes'
    assert labels['counts'] == {'box': len(BOXES), 'other': 0}
    box = np.array(BOXES)
    rows, columns = box[:, 2].max() - box[:, 0].min(), box[:, 3].max() - box[:, 1].min()
    assert labels['overlap'] == pytest.approx(rows * columns / (110 * 130))
    assert any('no label of other' in problem.message for problem in validation.warnings)


def test_boxes_of_unknown_classes_are_an_error(tmp_path) -> None:
    pipeline = pipelines_of_boxes(tmp_path)()
    path = tmp_path / 'labels.json'
    collection = json.loads(path.read_text())
    collection['features'][0]['properties']['class_id'] = 5
    path.write_text(json.dumps(collection))
    errors = pipeline.validate().errors
    assert any('class_id 5 is no class' in error.message for error in errors)


def test_cells_are_counted(make_scene, tmp_path) -> None:
    validation = pipelines_of_cells(make_scene, tmp_path)().validate()
    labels = {scene['id']: scene['labels'] for scene in validation.facts['scenes']}
    assert labels['b']['unit'] == 'cells'
    assert sum(labels['b']['counts'].values()) == 9 * 12  # of 8 x 8 in 70 x 90 pixels
    assert labels['b']['counts']['building'] > 0


def test_values_are_counted(make_scene, tmp_path) -> None:
    files = make_scene('a', 1)
    pipeline = pipeline_of_values(files, tmp_path, 'brightness')
    labels = pipeline.validate().facts['scenes'][0]['labels']
    cells = [
        files.truth[y : y + 8, x : x + 8].any() for y in range(0, 70, 8) for x in range(0, 90, 8)
    ]
    assert labels['unit'] == 'values'
    # a cell that an outline touches at its edge may have a value as well
    assert sum(cells) <= labels['counts']['brightness'] < len(cells)
