"""Labels of all tasks are counted, each in its own unit."""

import json
from pathlib import Path

import numpy as np
import pytest
from unit.core.rv_pipeline.box_pipeline import BOXES, pipelines_of_boxes
from unit.core.rv_pipeline.cell_pipeline import (
    CellBackendConfig,
    pipelines_of_cells,
    scene_config,
)

from rastervision.core.data import (
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
)
from rastervision.core.rv_pipeline import ChipRegressionConfig, PredictOptions


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
    path = Path(files.labels)
    collection = json.loads(path.read_text())
    for feature in collection['features']:
        feature['properties'] = {'brightness': 1.0}
    path.write_text(json.dumps(collection))
    source = ChipRegressionLabelSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(uris=files.labels)
    )
    config = ChipRegressionConfig(
        root_uri=str(tmp_path / 'root'),
        dataset=DatasetConfig(
            class_config=ClassConfig(names=['brightness']),
            train_scenes=[],
            validation_scenes=[scene_config(files, source)],
        ),
        backend=CellBackendConfig(log_dir=str(tmp_path)),
        predict_options=PredictOptions(chip_sz=8),
    )
    config.update()
    labels = config.build(str(tmp_path)).validate().facts['scenes'][0]['labels']
    cells = [
        files.truth[y : y + 8, x : x + 8].any() for y in range(0, 70, 8) for x in range(0, 90, 8)
    ]
    assert labels['unit'] == 'values'
    # a cell that an outline touches at its edge may have a value as well
    assert sum(cells) <= labels['counts']['brightness'] < len(cells)
