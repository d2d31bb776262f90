"""The backends of chip classification and chip regression: chips, training and prediction."""

import csv
import json
import shutil
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationLabelSourceConfig,
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
)
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline import (
    ChipClassificationConfig,
    ChipOptions,
    ChipRegressionConfig,
    PredictOptions,
    WindowSamplingConfig,
)
from rastervision.pytorch_backend import (
    PyTorchChipClassificationConfig,
    PyTorchChipClassificationSampleWriter,
    PyTorchChipRegressionConfig,
    PyTorchChipRegressionSampleWriter,
)
from rastervision.pytorch_learner import (
    ClassificationImageDataConfig,
    ClassificationImageDataset,
    ClassificationModelConfig,
    RegressionImageDataConfig,
    RegressionImageDataset,
    RegressionModelConfig,
    SolverConfig,
)

CLASSES = ClassConfig(names=['ground', 'a/b'])
TARGETS = ClassConfig(names=['height', 'age'])


def write(writer_class, classes, labels, folder):
    path = folder / 'chips.zip'
    with writer_class(str(path), classes, str(folder)) as writer:
        for i, label in enumerate(labels):
            chip = np.full((4, 5, 3), i, np.uint8)
            window = Box(0, i, 4, i + 5)
            writer.write_sample(DataSample(chip, label, 'train', 's', window))
    with zipfile.ZipFile(path) as file:
        file.extractall(folder)
    return str(folder / 'train')


def test_classes_of_chips_come_back(tmp_path):
    data_dir = write(PyTorchChipClassificationSampleWriter, CLASSES, [1, 0, 1], tmp_path)
    assert {p.name for p in Path(data_dir).iterdir()} == {'ground', 'a%2Fb'}
    dataset = ClassificationImageDataset(data_dir, CLASSES.names, normalize=False)
    assert {(int(x.max()), int(y)) for x, y in (dataset[i] for i in range(3))} == {
        (0, 1),
        (1, 0),
        (2, 1),
    }


@pytest.mark.parametrize('num_targets', [1, 2])
def test_values_of_chips_come_back(tmp_path, num_targets):
    labels = np.array(list(product((0, 1.5, np.nan, -2), repeat=num_targets)), np.float32)
    classes = ClassConfig(names=TARGETS.names[:num_targets])
    data_dir = write(PyTorchChipRegressionSampleWriter, classes, labels, tmp_path)
    dataset = RegressionImageDataset(data_dir, classes.names, normalize=False)
    assert [int(dataset[i][0].max()) for i in range(len(labels))] == [*range(len(labels))]
    assert np.array_equal(dataset.targets(), labels, equal_nan=True)


def source_of(scene, **kwargs):
    uris = scene.label_source.raster_source.vector_source.uris
    return GeoJSONVectorSourceConfig(uris=uris, **kwargs)


def classify(scene):
    """A class for each cell, from the buildings in it."""
    scene = scene.copy()
    transformer = ClassInferenceTransformerConfig(default_class_id=1)
    scene.label_source = ChipClassificationLabelSourceConfig(
        vector_source=source_of(scene, transformers=[transformer]),
        infer_cells=True,
        ioa_thresh=0.1,
        use_intersection_over_cell=True,
        background_class_id=0,
    )
    scene.label_store = None
    return scene


def regress(scene):
    """Numbers for each cell: what its buildings have as `height` and `age`."""
    path = Path(scene.label_source.raster_source.vector_source.uris)
    features = json.loads(path.read_text())
    for i, feature in enumerate(features['features']):
        feature['properties'] |= {'height': 3 * i + 1, 'age': 0}
    path.write_text(json.dumps(features))
    scene = scene.copy()
    scene.label_source = ChipRegressionLabelSourceConfig(vector_source=source_of(scene))
    scene.label_store = None
    return scene


@pytest.fixture(params=['classification', 'regression'])
def pipeline(request, dataset, tmp_path):
    """A pipeline that has been analyzed; its network is tiny."""
    solver = SolverConfig(num_epochs=1, batch_sz=4, seed=0)
    network = {'encoder': 'test_resnet', 'pretrained': False}
    data = {'num_workers': 0, 'img_sz': 32}
    if request.param == 'classification':
        cls, classes, relabel = ChipClassificationConfig, CLASSES, classify
        backend = PyTorchChipClassificationConfig(
            model=ClassificationModelConfig(**network),
            data=ClassificationImageDataConfig(**data, balance_classes=True),
            solver=solver,
            log_tensorboard=False,
        )
    else:
        cls, classes, relabel = ChipRegressionConfig, TARGETS, regress
        backend = PyTorchChipRegressionConfig(
            model=RegressionModelConfig(**network),
            data=RegressionImageDataConfig(**data),
            solver=solver,
            log_tensorboard=False,
        )
    config = cls(
        root_uri=str(tmp_path / 'root'),
        dataset=DatasetConfig(
            class_config=classes.copy(),
            train_scenes=[relabel(s) for s in dataset.train_scenes],
            validation_scenes=[relabel(s) for s in dataset.validation_scenes],
        ),
        backend=backend,
        chip_options=ChipOptions(sampling=WindowSamplingConfig(size=16, stride=16)),
        predict_options=PredictOptions(chip_sz=16, batch_sz=2),
    )
    config.update()
    config.recursive_validate_config()
    (tmp_path / 'tmp').mkdir()
    pipeline = config.build(str(tmp_path / 'tmp'))
    pipeline.analyze()
    return pipeline


def test_all_commands_and_splits(pipeline):
    chip_dir = Path(pipeline.config.chip_uri)

    def chips(num_splits):
        shutil.rmtree(chip_dir, ignore_errors=True)
        for i in range(num_splits):
            pipeline.chip(split_ind=i, num_splits=num_splits)
        pipeline.finish_chip(num_splits)
        return {p.name: p.read_bytes() for p in chip_dir.iterdir()}

    assert chips(3) == chips(1)
    pipeline.train()
    with Path(pipeline.config.train_uri, 'log.csv').open(newline='') as file:
        (row,) = csv.DictReader(file)
    assert float(row['train_loss']) > 0

    path = Path(pipeline.config.predict_uri, 'val.json')
    pipeline.predict()
    together = path.read_bytes()
    path.unlink()
    for i in range(2):
        pipeline.predict(split_ind=i, num_splits=2)
    pipeline.finish_predict(2)
    assert path.read_bytes() == together

    pipeline.eval()
    scores = json.loads(Path(pipeline.config.eval_uri, 'validation_scenes/eval.json').read_text())
    assert all(item['metrics'] for item in scores['overall'])


def test_the_network_is_named_for_people(pipeline):
    backend = pipeline.config.backend
    assert backend.architecture_name() == 'test_resnet'
    backend.model.encoder = None
    assert backend.architecture_name() == 'resnet18'


def test_a_scene_can_be_predicted_in_memory(pipeline):
    pipeline.chip()
    pipeline.train()
    config = pipeline.config
    scene = config.dataset.validation_scenes[0].build(config.dataset.class_config)
    backend = config.backend.build(config, pipeline.tmp_dir)
    labels = backend.predict_scene(scene, config.predict_options)
    pipeline.predict()
    stored = scene.label_store.get_labels()
    assert np.array_equal(labels.cells, stored.cells)
    if isinstance(config, ChipClassificationConfig):
        assert np.array_equal(labels.class_ids, stored.class_ids)
    else:
        assert np.allclose(labels.values, stored.values, rtol=1e-5)
