import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset

from rastervision.core.data import (
    ChipClassificationLabelSourceConfig,
    ClassConfig,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSourceConfig,
    RasterioSource,
)
from rastervision.core.data.scene import Scene
from rastervision.pytorch_learner import (
    ClassificationImageDataset,
    ClassificationRandomWindowGeoDataset,
    ClassificationSlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset import make_image_folder_dataset
from rastervision.pytorch_learner.dataset.class_balance import balance_random_windows
from rastervision.pytorch_learner.dataset.utils import ImageDatasetError, class_folder


@pytest.fixture
def chips(tmp_path):
    """Two chips of class b, one of class c, in the formats of colour and of grey images."""
    from PIL import Image

    for name, value, mode in (('b/1', 10, 'RGB'), ('b/2', 20, 'L'), ('c%2Fd/3', 30, 'RGB')):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(exist_ok=True)
        Image.new(mode, (6, 5), (value,) * len(mode) if mode != 'L' else value).save(path)
    return str(tmp_path)


def test_ids_follow_the_order_of_the_names(chips):
    dataset = ClassificationImageDataset(chips, ['a', 'c/d', 'b'], normalize=False)
    assert dataset.class_ids().tolist() == [2, 2, 1]
    x, y = dataset[2]
    assert tuple(x.shape) == (3, 5, 6)
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    assert (float(x.max()), int(y)) == (30, 1)
    assert tuple(dataset[1][0].shape) == (1, 5, 6)


def test_names_of_classes_become_names_of_folders():
    assert class_folder('tree line') == 'tree line'
    assert class_folder('c/d') == 'c%2Fd'
    assert class_folder('50%: a*b?') == '50%25%3A a%2Ab%3F'


def test_without_names_the_folders_are_the_classes(chips):
    assert make_image_folder_dataset(chips).classes == ['b', 'c%2Fd']


def test_folders_of_no_class_are_named(chips, tmp_path):
    with pytest.raises(ImageDatasetError, match=r"'c%2Fd'.*a, b"):
        make_image_folder_dataset(chips, ['a', 'b'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ImageDatasetError, match='no images'):
        make_image_folder_dataset(str(tmp_path / 'empty'), ['a'])
    with pytest.raises(ImageDatasetError, match='does not exist'):
        make_image_folder_dataset(str(tmp_path / 'nowhere'), ['a'])


@pytest.fixture
def cc_scene(write_raster, pixels, write_square):
    """60 x 80 pixels; class 1 in the upper left 20 x 20, class 0 elsewhere."""
    image = RasterioSource(write_raster('image.tif', pixels))
    source = GeoJSONVectorSourceConfig(
        uris=write_square('labels.json', 0, 0, 20, 20),
        transformers=[ClassInferenceTransformerConfig(default_class_id=1)],
    )
    labels = ChipClassificationLabelSourceConfig(
        vector_source=source,
        background_class_id=0,
        ioa_thresh=0.5,
        use_intersection_over_cell=True,
        lazy=True,
    )
    classes = ClassConfig(names=['field', 'water'])
    return Scene('cc', image, labels.build(classes, image.crs_transformer, image.bbox))


def test_windows_on_a_grid_have_the_class_of_what_is_in_them(cc_scene):
    dataset = ClassificationSlidingWindowGeoDataset(cc_scene, size=20, stride=20)
    ids = dataset.class_ids()
    assert ids.tolist() == [1] + [0] * 11
    assert [int(y) for _, y in dataset] == ids.tolist()
    assert tuple(dataset[0][0].shape) == (3, 20, 20)


def random_windows(scene, **kwargs):
    return ClassificationRandomWindowGeoDataset(
        scene, size_lims=(16, 24), out_size=20, max_windows=200, **kwargs
    )


def drawn_share(dataset):
    torch.manual_seed(0)
    return np.mean([dataset.class_id_of(dataset.sample_window()) for _ in range(200)])


def test_random_windows_can_be_balanced(cc_scene):
    dataset = random_windows(cc_scene)
    assert drawn_share(dataset) < 0.15
    dataset.balance_classes()
    assert dataset.balanced_over.tolist() == [0, 1]
    assert 0.4 < drawn_share(dataset) < 0.6
    x, y = dataset[0]
    assert tuple(x.shape) == (3, 20, 20)
    assert int(y) in {0, 1}


def test_a_scene_of_one_class_is_drawn_from_as_it_is(cc_scene):
    dataset = random_windows(cc_scene)
    dataset.balanced_over = np.array([1])
    torch.manual_seed(0)
    window = dataset.sample_window()
    torch.manual_seed(0)
    assert window == random_windows(cc_scene).sample_window()


def test_classes_that_are_not_found_are_logged(cc_scene, caplog):
    names = ['forest', 'house', 'pond']
    balance_random_windows(ConcatDataset([random_windows(cc_scene)] * 2), names)
    assert 'is of pond, so these classes will hardly be drawn' in caplog.text
    caplog.clear()
    balance_random_windows(random_windows(cc_scene), names[:2])
    assert not caplog.records
