import json
import pickle

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from shapely.geometry import box, mapping
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
from rastervision.pytorch_learner.dataset.class_balance import balanced_sampler
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
    assert dataset.balance_classes().tolist() == [0, 1]
    assert 0.4 < drawn_share(dataset) < 0.6
    dataset.balance_classes({0: 1, 1: 3})
    assert 0.65 < drawn_share(dataset) < 0.85
    x, y = dataset[0]
    assert tuple(x.shape) == (3, 20, 20)
    assert int(y) in {0, 1}


def test_balanced_windows_follow_the_seed_and_can_be_sent_to_workers(cc_scene):
    dataset = random_windows(cc_scene)
    dataset.balance_classes()
    again = pickle.loads(pickle.dumps(dataset))
    windows = []
    for one in (dataset, again):
        torch.manual_seed(4)
        windows.append([one.sample_window() for _ in range(20)])
    assert windows[0] == windows[1]
    assert len(set(windows[0])) > 10


def sparse_scene(write_sparse, path, scene_id, corners):
    """20,000 x 20,000 pixels; squares of 20 pixels of class 1 + i % 2 at some corners."""
    image = RasterioSource(write_sparse(f'{scene_id}.tif', 20_000))
    features = [
        {
            'type': 'Feature',
            'properties': {'class_id': 1 + i % 2},
            'geometry': mapping(image.crs_transformer.pixel_to_map(box(x, y, x + 20, y + 20))),
        }
        for i, (y, x) in enumerate(corners)
    ]
    path = path / f'{scene_id}.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    labels = ChipClassificationLabelSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(uris=str(path)), background_class_id=0, lazy=True
    )
    classes = ClassConfig(names=['field', 'pond', 'well'])
    return Scene(scene_id, image, labels.build(classes, image.crs_transformer, image.bbox))


def test_classes_of_a_millionth_of_one_scene_come_up_as_often_as_others(write_sparse, tmp_path):
    corners = {'a': [], 'b': [(5, 5), (19_970, 10_000)], 'c': [(333, 4444)]}
    scenes = [sparse_scene(write_sparse, tmp_path, *item) for item in corners.items()]
    union = ConcatDataset([random_windows(scene) for scene in scenes])
    torch.manual_seed(0)
    sampler = balanced_sampler(union)
    drawn = []
    for i in sampler:
        part = union.datasets[i // 200]
        drawn.append(part.class_id_of(part.sample_window()))
    assert len(drawn) == 600
    assert chisquare(np.bincount(drawn)).pvalue > 0.001


def test_sources_of_other_kinds_are_balanced_over_what_comes_up(cc_scene):
    source = cc_scene.label_source
    cc_scene.label_source = type('Other', (), {'__getitem__': lambda _, window: source[window]})()
    dataset = random_windows(cc_scene)
    assert dataset.balance_classes().tolist() == [0, 1]
    assert 0.4 < drawn_share(dataset) < 0.6
