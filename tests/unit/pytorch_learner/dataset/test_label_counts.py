"""Training data whose labels teach nothing are told in the log."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset

from rastervision.core.box import Box
from rastervision.core.data import ClassConfig
from rastervision.core.sampling import RandomWindowSampler
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner import (
    ClassificationImageDataConfig,
    ObjectDetectionImageDataConfig,
)
from rastervision.pytorch_learner.dataset.classification_dataset import (
    ClassificationRandomWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.label_counts import (
    check_targets,
    warn_of_one_class,
    warn_without_boxes,
)
from rastervision.pytorch_learner.dataset.regression_dataset import (
    RegressionRandomWindowGeoDataset,
)


class Objects(Dataset):
    def __init__(self, count):
        source = SimpleNamespace(get_labels=lambda: range(count))
        self.scene = SimpleNamespace(id=f'scene {count}', label_source=source)

    def __len__(self):
        return 1


class Cells(Objects):
    def __init__(self, ids):
        super().__init__(0)
        self.ids = ids

    def class_ids(self):
        return np.array(self.ids)


class RandomCells(ClassificationRandomWindowGeoDataset):
    def __init__(self, classes):
        self.classes = classes
        self.sampler = RandomWindowSampler(Box(0, 0, 99, 99), size_lims=(5, 6))
        self.max_windows = 9

    def class_id_of(self, window):
        return int(window.ymin) % self.classes


class Values(Objects):
    def __init__(self, *rows):
        super().__init__(0)
        self.rows = rows

    def targets(self):
        return np.array(self.rows, dtype=np.float32).reshape(-1, 2)


class RandomValues(RegressionRandomWindowGeoDataset):
    def __init__(self, *rows):
        self.rows = rows
        self.max_windows = 9

    def targets(self):
        return np.array(self.rows, dtype=np.float32)


NAN = float('nan')


def test_targets_without_any_value_are_told(caplog) -> None:
    names = ['height', 'age']
    check_targets(ConcatDataset([Values([NAN, NAN]), Values([0, NAN], [NAN, -1])]), names)
    assert not caplog.records
    check_targets(ConcatDataset([Values([NAN, 3]), Values([NAN, NAN])]), names)
    assert "No training window that was looked at has a value of 'height'." in caplog.text


def test_nothing_can_be_learnt_without_any_value() -> None:
    with pytest.raises(DataError, match=r"No training chip \(c\.zip\) has .*'height', 'age'"):
        check_targets(Values([NAN, NAN], [NAN, NAN]), ['height', 'age'], 'c.zip')
    check_targets(Values(), ['height', 'age'], 'c.zip')  # without any chip there is another error


def test_random_windows_may_miss_all_values(caplog) -> None:
    check_targets(ConcatDataset([RandomValues([NAN])]), ['height'])
    assert "has a value of 'height'" in caplog.text


@pytest.mark.parametrize(('counts', 'told'), [([0, 0], True), ([0, 2], False), ([1], False)])
def test_no_boxes_at_all(counts, told, caplog) -> None:
    warn_without_boxes(ConcatDataset([Objects(count) for count in counts]))
    assert ['No training scene has an object' in r.message for r in caplog.records] == [True] * told


@pytest.mark.parametrize(
    ('parts', 'told'),
    [
        ([Cells([1, 1]), Cells([1])], True),
        ([Cells([1, 1]), Cells([0])], False),
        ([Cells([0, 1])], False),
        ([RandomCells(1)], True),
        ([RandomCells(2)], False),
        ([Cells([1]), RandomCells(1)], False),
    ],
)
def test_one_class_only(parts, told, caplog) -> None:
    warn_of_one_class(ConcatDataset(parts), ['a', 'b'])
    assert ['are of the class' in r.message for r in caplog.records] == [True] * told


def test_a_model_of_one_class_needs_no_other(caplog) -> None:
    warn_of_one_class(Cells([0, 0]), ['a'])
    assert not caplog.records


def test_balanced_windows_are_of_the_classes_that_have_labels(caplog) -> None:
    windows = RandomCells(1)
    windows._class_windows = SimpleNamespace(shares={0: 1, 1: 1e-6})
    warn_of_one_class(windows, ['a', 'b'], balanced=True)
    assert not caplog.records
    windows._class_windows = SimpleNamespace(shares={0: 1})
    warn_of_one_class(windows, ['a', 'b'], balanced=True)
    assert "windows that were looked at are of the class 'a'" in caplog.text


def write_chips(folder, names):
    for name in names:
        path = folder / 'train' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 4)).save(path)


def test_chips_of_one_class_are_told_with_their_folder(tmp_path, caplog) -> None:
    write_chips(tmp_path / 'one', ['a/1.png', 'a/2.png'])
    write_chips(tmp_path / 'two', ['b/3.png'])
    one, two = str(tmp_path / 'one'), str(tmp_path / 'two')
    classes = ClassConfig(names=['a', 'b'])
    for options in ({'uri': one}, {'group_uris': [one, [one]], 'group_train_sz': 1}):
        cfg = ClassificationImageDataConfig(class_config=classes, **options)
        cfg.build_dataset('train', str(tmp_path))
        assert f'All training chips ({cfg.origin}) are of the class' in caplog.text
        assert one in cfg.origin
        caplog.clear()
    both = ClassificationImageDataConfig(class_config=classes, group_uris=[one, two])
    both.build_dataset('train', str(tmp_path))
    assert not caplog.records


@pytest.mark.parametrize('annotated', [True, False])
def test_chips_without_boxes_are_told_with_their_folder(annotated, tmp_path, caplog) -> None:
    write_chips(tmp_path, ['img/1.png'])
    box = {'id': 1, 'image_id': 1, 'category_id': 0, 'bbox': [0, 0, 2, 2]}
    coco = {'images': [{'id': 1, 'file_name': '1.png'}], 'annotations': [box] * annotated}
    (tmp_path / 'train' / 'labels.json').write_text(json.dumps(coco))
    cfg = ObjectDetectionImageDataConfig(class_config=ClassConfig(names=['a']), uri=str(tmp_path))
    cfg.build_dataset('train')
    told = f'No training chip has an object ({tmp_path})'
    assert [told in r.getMessage() for r in caplog.records] == [True] * (not annotated)
