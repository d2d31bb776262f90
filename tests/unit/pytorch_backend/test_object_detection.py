"""The backend of object detection: chips as COCO files, training and prediction."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    ObjectDetectionLabelSourceConfig,
)
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline import (
    ObjectDetectionChipOptions,
    ObjectDetectionConfig,
    ObjectDetectionPredictOptions,
    ObjectDetectionWindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend import (
    PyTorchObjectDetectionConfig,
    PyTorchObjectDetectionSampleWriter,
)
from rastervision.pytorch_backend.examples import tiny_trees
from rastervision.pytorch_learner import (
    ObjectDetectionGeoDataConfig,
    ObjectDetectionImageDataConfig,
    ObjectDetectionModelConfig,
    SolverConfig,
)
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.dataset import CocoDataset

CLASSES = ClassConfig(names=['ground', 'building'])


# --- chips


def sample(i, boxes=((1, 2, 4, 6.5),), **kwargs):
    chip = np.full((8, 9, 3), i, np.uint8)
    label = np.array(boxes, dtype=float).reshape(-1, 4), np.ones(len(boxes), np.int64), 'yxyx'
    args = {'split': 'train', 'scene_id': 's', 'window': Box(0, 0, 8, 9), 'label': label, **kwargs}
    return DataSample(chip, **args)


def write(path, samples):
    with PyTorchObjectDetectionSampleWriter(str(path), CLASSES, str(path.parent)) as writer:
        for one in samples:
            writer.write_sample(one)


def test_chips_and_boxes_come_back(tmp_path):
    tensors = BoxList(torch.tensor([[2.0, 1, 6.5, 4]]), class_ids=torch.tensor([1]))
    samples = [sample(0), sample(1, []), sample(2, [(-3, 0, 4, 20)]), sample(3, label=tensors)]
    write(tmp_path / 'c.zip', [*samples, sample(4, split='valid')])
    with zipfile.ZipFile(tmp_path / 'c.zip') as file:
        file.extractall(tmp_path)
    folder = tmp_path / 'train'
    ds = CocoDataset(str(folder / 'img'), str(folder / 'labels.json'))
    assert [int(image.max()) for image, _ in (ds[i] for i in range(4))] == [0, 1, 2, 3]
    boxes = [ds[i][1][0].tolist() for i in range(4)]
    assert boxes == [[[2, 1, 4.5, 3]], [], [[0, 0, 9, 4]], [[2, 1, 4.5, 3]]]
    assert ds[0][1][1].tolist() == [1]
    coco = json.loads((folder / 'labels.json').read_text())
    assert coco['categories'] == [{'id': 0, 'name': 'ground'}, {'id': 1, 'name': 'building'}]
    assert coco['images'][0] == {'id': 1, 'file_name': 's-0-0-8-9.png', 'height': 8, 'width': 9}
    assert [a['id'] for a in coco['annotations']] == [1, 2, 3]
    assert (tmp_path / 'valid' / 'labels.json').is_file()


@pytest.fixture
def config(tmp_path, dataset):
    """A pipeline over the tiny scenes of the tests, with boxes around their buildings."""

    def with_boxes(scene):
        scene = scene.copy()
        uris = scene.label_source.raster_source.vector_source.uris
        source = GeoJSONVectorSourceConfig(
            uris=uris, transformers=[ClassInferenceTransformerConfig(default_class_id=1)]
        )
        scene.label_source = ObjectDetectionLabelSourceConfig(vector_source=source)
        scene.label_store = None
        return scene

    scenes = DatasetConfig(
        class_config=CLASSES.copy(),
        train_scenes=[with_boxes(s) for s in dataset.train_scenes],
        validation_scenes=[with_boxes(s) for s in dataset.validation_scenes],
    )
    return ObjectDetectionConfig(
        root_uri=str(tmp_path / 'root'),
        dataset=scenes,
        backend=PyTorchObjectDetectionConfig(
            model=ObjectDetectionModelConfig(
                architecture='fcos',
                encoder='mobilenetv3_small_050',
                fpn_channels=64,
                pretrained=False,
                extra_args={'score_thresh': 0.0},
            ),
            data=ObjectDetectionImageDataConfig(num_workers=0, img_sz=32),
            solver=SolverConfig(num_epochs=1, batch_sz=4, seed=0),
            log_tensorboard=False,
        ),
        chip_options=ObjectDetectionChipOptions(
            sampling=ObjectDetectionWindowSamplingConfig(
                method=WindowSamplingMethod.random, size=32, max_windows=8, neg_ratio=0.5
            )
        ),
        predict_options=ObjectDetectionPredictOptions(chip_sz=32, stride=16, score_thresh=0.01),
    )


@pytest.fixture
def pipeline(config, tmp_path):
    config.update()
    config.recursive_validate_config()
    (tmp_path / 'tmp').mkdir()
    pipeline = config.build(str(tmp_path / 'tmp'))
    pipeline.analyze()
    return pipeline


def test_chips_are_the_same_whatever_the_splits(pipeline):
    folder = Path(pipeline.config.chip_uri)

    def chips(num_splits):
        shutil.rmtree(folder, ignore_errors=True)
        for i in range(num_splits):
            pipeline.chip(split_ind=i, num_splits=num_splits)
        pipeline.finish_chip(num_splits)
        return {p.name: p.read_bytes() for p in folder.iterdir()}

    together = chips(1)
    assert sorted(together) == ['train-train 1.zip', 'train-train 2.zip', 'valid-val.zip']
    assert chips(3) == together
    with zipfile.ZipFile(folder / 'train-train 1.zip') as file:
        coco = json.loads(file.read('train/labels.json'))
        images = {n.rpartition('/')[2] for n in file.namelist() if '/img/' in n}
    assert len(coco['images']) == 8
    assert {image['file_name'] for image in coco['images']} == images
    assert coco['annotations']


def test_a_trained_model_predicts_the_same_whatever_the_splits(pipeline):
    pipeline.chip()
    pipeline.train()
    path = Path(pipeline.config.predict_uri, 'val.json')

    def predict(num_splits):
        path.unlink(missing_ok=True)
        for i in range(num_splits):
            pipeline.predict(split_ind=i, num_splits=num_splits)
        if num_splits > 1:
            pipeline.finish_predict(num_splits)
        return path.read_bytes()

    together = predict(1)
    assert json.loads(together)['features']
    assert predict(2) == together
    pipeline.eval()
    scores = json.loads(Path(pipeline.config.eval_uri, 'validation_scenes/eval.json').read_text())
    assert scores['overall'][-1]['metrics']['recall'] >= 0


# --- config


def test_scenes_and_windows_of_the_pipeline_reach_the_data(pipeline):
    config = pipeline.config
    config.backend.data = ObjectDetectionGeoDataConfig(num_workers=0, img_sz=32)
    config.update()
    data = config.backend.data
    args = data.random_window_args(data.sampling_for('train 1'))
    assert args == {'neg_ratio': 0.5, 'ioa_thresh': 0.8, 'clip': False, 'neg_ioa_thresh': 0.2}
    train = data.build_dataset('train')
    assert len(train) == 16
    x, y = train[0]
    assert x.shape == (3, 32, 32)
    assert isinstance(y, BoxList)


def test_model_facts(config):
    config.update()
    assert config.backend.architecture_name() == 'fcos mobilenetv3_small_050'
    config.backend.model = ObjectDetectionModelConfig(architecture='ssdlite')
    assert config.backend.architecture_name() == 'ssdlite mobilenet_v3_large'
    config.backend.model = ObjectDetectionModelConfig()
    assert config.backend.architecture_name() == 'faster_rcnn resnet50'


def test_the_example_has_its_trees(tmp_path):
    config = tiny_trees.get_config('inprocess', pretrained=False)
    config.update()
    config.recursive_validate_config()
    classes = config.dataset.class_config
    counts = []
    for scenes in (config.dataset.train_scenes, config.dataset.validation_scenes):
        built = [scene.build(classes, str(tmp_path)) for scene in scenes]
        boxes = [scene.label_source.get_labels().get_npboxes() for scene in built]
        counts.append(sum(map(len, boxes)))
        assert all(array.min() > -1 and array.max() < 401 for array in boxes)
    assert counts == [335, 137]
