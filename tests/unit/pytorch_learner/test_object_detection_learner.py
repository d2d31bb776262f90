"""The learner of object detection, around a detector that is told what to find."""

import csv
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError, StageError
from rastervision.pytorch_learner import (
    Learner,
    ObjectDetectionGeoDataConfig,
    ObjectDetectionLearner,
    ObjectDetectionLearnerConfig,
    ObjectDetectionModelConfig,
    SolverConfig,
    TorchVisionODAdapter,
)
from rastervision.pytorch_learner.boxlist import BoxList

CLASSES = ClassConfig(names=['car', 'tree'], colors=['red', 'green'])
SIZE = 32


class Squares(Dataset):
    """Images with a bright square of the second class; the last one has none."""

    def __init__(self, count=5):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        x = torch.zeros(3, SIZE, SIZE)
        boxes = torch.tensor([[4.0, 2 + index, 12, 10 + index]][: index < self.count - 1])
        for xmin, ymin, xmax, ymax in boxes.int().tolist():
            x[:, ymin:ymax, xmin:xmax] = 1
        class_ids = torch.ones(len(boxes), dtype=torch.long)
        return x, BoxList(boxes, class_ids=class_ids)


class BrightBox(nn.Module):
    """Finds the box around bright pixels, like a detector of torchvision."""

    def __init__(self, loss=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(loss))

    def forward(self, images, targets=None):
        if targets is not None:
            return {'near': self.weight * 1.0, 'far': self.weight * 2.0}
        return [self.find(image) for image in images]

    def find(self, image):
        rows, columns = torch.nonzero(image[0] > 0.5, as_tuple=True)
        sides = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else ()
        boxes = torch.tensor([sides], dtype=torch.float32).reshape(-1, 4)
        labels, scores = torch.full((len(boxes),), 2), torch.full((len(boxes),), 0.75)
        return {'boxes': boxes, 'labels': labels, 'scores': scores}


def make_config(model=None, **solver):
    data = ObjectDetectionGeoDataConfig(
        class_config=CLASSES, num_workers=0, img_sz=SIZE, img_channels=3
    )
    options = {'lr': 0.01, 'num_epochs': 2, 'batch_sz': 2, 'seed': 1} | solver
    return ObjectDetectionLearnerConfig(
        model=model, data=data, solver=SolverConfig(**options), log_tensorboard=False
    )


def make_learner(tmp_path, model=None, cfg=None, **kwargs):
    return ObjectDetectionLearner(
        cfg or make_config(),
        output_dir=str(tmp_path / 'out'),
        train_ds=Squares(),
        valid_ds=Squares(),
        model=TorchVisionODAdapter(BrightBox()) if model is None and cfg is None else model,
        **kwargs,
    )


def test_training_logs_the_losses_and_the_precision(tmp_path):
    learner = make_learner(tmp_path)
    learner.main()
    with Path(learner.output_dir, 'log.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *('epoch', 'near', 'far', 'train_loss', 'train_time', 'mAP', 'mAP50'),
        *('car_mAP', 'car_mAP50', 'tree_mAP', 'tree_mAP50', 'valid_time'),
    ]
    assert float(rows[0]['train_loss']) == pytest.approx(
        float(rows[0]['near']) + float(rows[0]['far']), rel=1e-5
    )
    assert (float(rows[1]['mAP']), float(rows[1]['car_mAP'])) == (1, 0)
    names = {path.name for path in Path(learner.output_dir).iterdir()}
    assert {'model-bundle.zip', 'last-model.pth', 'valid_preds.png'} <= names


def test_a_loss_that_is_no_number_stops_the_training(tmp_path):
    learner = make_learner(tmp_path, TorchVisionODAdapter(BrightBox(float('nan'))))
    with pytest.raises(StageError, match='loss became nan'):
        learner.train()


def test_predictions_are_boxes_of_the_size_asked_for(tmp_path):
    learner = make_learner(tmp_path, training=False)
    x, y = Squares()[0]
    (found,) = learner.predict(x)
    assert found.boxes.tolist() == y.boxes.tolist()
    assert found.get_field('class_ids').tolist() == [1]
    (scaled,) = learner.predict(x[None], out_shape=(2 * SIZE, 3 * SIZE))
    assert scaled.boxes.tolist() == [[12, 4, 36, 20]]
    assert learner.output_to_numpy(found)['boxes'].tolist() == [[2, 4, 10, 12]]


@pytest.mark.parametrize('return_format', ['z', 'yz', 'xyz'])
def test_datasets_are_predicted_image_by_image(tmp_path, return_format):
    learner = make_learner(tmp_path, training=False)
    items = list(
        learner.predict_dataset(
            Squares(), return_format=return_format, numpy_out=True, progress_bar=False
        )
    )
    assert len(items) == 5
    if return_format == 'z':
        found = items[0]
    else:
        *_, truth, found = items[0]
        assert truth['boxes'].tolist() == found['boxes'].tolist()
    if return_format == 'xyz':
        assert items[0][0].shape == (3, SIZE, SIZE)
    assert found['scores'].tolist() == [0.75]


def test_detectors_of_torchvision_are_wrapped(tmp_path):
    cfg = ObjectDetectionModelConfig(
        architecture='fcos', encoder='mobilenetv3_small_050', fpn_channels=64, pretrained=False
    )
    learner = make_learner(tmp_path, cfg=make_config(cfg), training=False)
    assert isinstance(learner.model, TorchVisionODAdapter)
    assert learner.model.ignored_output_inds == [0, 3]
    given = make_learner(tmp_path, learner.model.model, training=False)
    assert given.model.ignored_output_inds == [0]
    own = BrightBox()
    assert make_learner(tmp_path, own, training=False).model is own


@pytest.fixture
def external(tmp_path):
    """A detector of somebody else's code."""
    from rastervision.pytorch_learner import ExternalModuleConfig

    folder = tmp_path / 'code'
    folder.mkdir()
    (folder / 'hubconf.py').write_text(
        'def net():\n'
        '    import torch\n'
        '    class Nothing(torch.nn.Module):\n'
        '        def __init__(self):\n'
        '            super().__init__()\n'
        '            self.weight = torch.nn.Parameter(torch.ones(1))\n'
        '        def forward(self, images, targets=None):\n'
        '            if targets is not None:\n'
        "                return {'a': self.weight.sum()}\n"
        '            none = torch.zeros(0)\n'
        "            one = {'boxes': none.reshape(0, 4), 'labels': none.long(), 'scores': none}\n"
        '            return [one for _ in images]\n'
        '    return Nothing()\n'
    )
    code = ExternalModuleConfig(uri=str(folder), name='net', entrypoint='net')
    return ObjectDetectionModelConfig(external_def=code)


def test_external_code_trains_and_comes_back_from_the_bundle(tmp_path, external, caplog):
    learner = make_learner(tmp_path, cfg=make_config(external))
    learner.main()
    assert 'ONNX' not in caplog.text
    uri = f'{learner.output_dir}/model-bundle.zip'
    with pytest.raises(DataError, match='trust'):
        Learner.from_model_bundle(uri)
    again = Learner.from_model_bundle(uri, trust_code=True)
    assert isinstance(again, ObjectDetectionLearner)
    assert again.model.state_dict() == learner.model.state_dict()
    assert [len(boxes) for boxes in again.predict(torch.rand(2, 3, 8, 8))] == [0, 0]


@pytest.mark.parametrize(
    'solver',
    [{'class_loss_weights': [1, 2]}, {'ignore_class_index': 0}, {'dice_weight': 1}],
    ids=str,
)
def test_a_loss_for_other_tasks_is_refused(tmp_path, solver):
    with pytest.raises(ConfigError, match=next(iter(solver))):
        make_config(**solver).validate_config()
    with pytest.raises(ConfigError, match=next(iter(solver))):
        make_learner(tmp_path, BrightBox(), make_config(**solver))


def test_a_loss_of_the_losses_may_be_given(tmp_path):
    learner = make_learner(tmp_path, loss=lambda losses, _y: losses['near'] * 10)
    batch = torch.zeros(1, 3, SIZE, SIZE), [Squares()[0][1]]
    assert float(learner.train_step(batch, 0)['train_loss'].detach()) == 10


def test_a_batch_can_be_drawn_with_and_without_labels(tmp_path):
    visualizer = make_learner(tmp_path, training=False).visualizer
    x, y = visualizer.get_batch(Squares(), batch_sz=2)
    for number, labels in enumerate([y, [torch.tensor(torch.nan)] * 2, None]):
        path = tmp_path / f'{number}.png'
        visualizer.plot_batch(x, labels, str(path), z=y if number else None)
        assert path.stat().st_size > 0
    assert visualizer.get_plot_ncols(x=x, y=y, z=y) == 2
    pictures = [(tmp_path / f'{n}.png').read_bytes() for n in range(3)]
    assert pictures[0] != pictures[1]
    assert pictures[1] == pictures[2]


def test_detectors_are_run_by_pytorch_only(tmp_path, external, caplog):
    learner = make_learner(tmp_path, cfg=make_config(external))
    learner.save_model_bundle()
    uri = f'{learner.output_dir}/model-bundle.zip'
    again = Learner.from_model_bundle(uri, trust_code=True)
    again.find_onnx('model.onnx', None)  # release 0.31 wrote one
    assert again.engine_name == 'torch'
    assert not [r for r in caplog.records if r.levelname == 'WARNING']
    with pytest.raises(ConfigError, match='predicts with PyTorch only; leave'):
        Learner.from_model_bundle(uri, trust_code=True, use_onnx_model=True)


def test_data_without_labels_cannot_be_trained_on(tmp_path):
    images = [(torch.rand(3, SIZE, SIZE), torch.tensor(torch.nan))] * 4
    with pytest.raises(DataError, match='have no labels to train on'):
        ObjectDetectionLearner(
            make_config(), str(tmp_path), train_ds=images, model=TorchVisionODAdapter(BrightBox())
        )
