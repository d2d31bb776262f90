import cv2
import numpy as np
import pytest
import torch

from rastervision.core.prediction import blend, prediction_windows
from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner.inference.segmentation import predict_windows
from rastervision.pytorch_learner.utils.prediction import predict_scene_ss


class InDictionary(torch.nn.Module):
    def forward(self, x):
        return {'out': 4 * x, 'aux': x}


def predict_tiles(learner, scene, chip_sz, stride=None, crop_sz=None, **options):
    """Scores of the windows that cover a scene."""
    windows = prediction_windows(scene.extent, chip_sz, stride or chip_sz, crop_sz)
    options = SemanticSegmentationPredictOptions(chip_sz=chip_sz, stride=stride, **options)
    return predict_windows(learner, scene, windows, options)


@pytest.fixture
def whole(pixels):
    """Scores (C, H, W) of the whole scene."""
    return torch.from_numpy(pixels / 255).mul(4).softmax(dim=0).numpy()


@pytest.mark.parametrize(
    ('chip_sz', 'stride', 'crop_sz'), [(16, None, None), (16, 8, 2), (100, 100, None)]
)
@pytest.mark.parametrize('model', [None, InDictionary()])
def test_tiles_are_scores_of_windows(make_learner, scene, whole, chip_sz, stride, crop_sz, model):
    learner = make_learner(model, img_sz=chip_sz)
    tiles = list(predict_tiles(learner, scene, chip_sz, stride, crop_sz, batch_sz=3))
    windows = prediction_windows(scene.extent, chip_sz, stride or chip_sz, crop_sz)
    assert [t.box for t in tiles] == list(windows)
    for tile in tiles:
        inside = tile.box.intersection(scene.extent)
        local = inside.translate(-tile.box.ymin, -tile.box.xmin).to_slices()
        assert tile.scores.dtype == np.float32
        np.testing.assert_allclose(tile.scores[:, *local], whole[:, *inside.to_slices()], atol=1e-6)
        assert tile.valid.sum() == inside.area
        assert tile.valid[local].all()


@pytest.mark.parametrize('change', [{'batch_sz': 1}, {'batch_sz': 7}, {'threads': 1}])
def test_batches_and_threads_make_no_difference(make_learner, scene, change):
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.ReLU()]
    layers += [torch.nn.Conv2d(64, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 3, 1)]
    learner = make_learner(torch.nn.Sequential(*layers), img_sz=48)

    def scores(threads=2, batch_sz=4):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            tiles = list(predict_tiles(learner, scene, 48, 24, 2, batch_sz=batch_sz))
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        return np.stack([tile.scores for tile in tiles])

    assert np.array_equal(scores(), scores(**change))


def test_images_are_resized_for_the_model_and_scores_back(make_learner, scene, pixels):
    sizes = set()

    class Recorder(torch.nn.Module):
        def forward(self, x):
            sizes.add(tuple(x.shape[-2:]))
            return 4 * x

    tiles = list(predict_tiles(make_learner(Recorder(), img_sz=32), scene, 20, 20))
    assert sizes == {(32, 32)}
    assert {t.scores.shape for t in tiles} == {(3, 20, 20)}
    larger = cv2.resize(pixels[:, :20, :20].transpose(1, 2, 0), (32, 32))
    scores = torch.from_numpy(larger / 255).movedim(-1, 0)[None].mul(4).softmax(dim=1)
    expected = torch.nn.functional.interpolate(scores, (20, 20), mode='bilinear')[0]
    np.testing.assert_allclose(tiles[0].scores, expected, atol=1e-5)


def test_base_transform_applies(make_learner, scene, whole):
    invert = {'__version__': '2.0.8', 'transform': {'__class_fullname__': 'InvertImg', 'p': 1.0}}
    tile = next(predict_tiles(make_learner(img_sz=20, base_transform=invert), scene, 20))
    inverted = 1 / whole[:, :20, :20]
    np.testing.assert_allclose(tile.scores, inverted / inverted.sum(0), atol=1e-5)


def test_nodata_is_not_valid(make_learner, write_raster, pixels, classes):
    from rastervision.core.data.utils.factory import make_ss_scene

    pixels[:, :10, :10] = 0
    scene = make_ss_scene(write_raster('hole.tif', pixels, nodata=0), class_config=classes)
    tile = next(predict_tiles(make_learner(img_sz=20), scene, 20))
    assert not tile.valid[:10, :10].any()
    assert tile.valid[10:].all()
    assert tile.valid[:, 10:].all()


def test_another_number_of_channels_is_an_error(make_learner, write_raster, classes):
    from rastervision.core.data.utils.factory import make_ss_scene

    image = write_raster('two.tif', np.ones((2, 30, 30), np.uint8))
    scene = make_ss_scene(image, class_config=classes, scene_id='two')
    with pytest.raises(DataError, match=r"'two' has 2 channels .* takes 3.*channel_order"):
        next(predict_tiles(make_learner(), scene, 16))


@pytest.mark.parametrize('smooth', [False, True])
def test_a_scene_in_memory_is_the_blended_stream(make_learner, scene, whole, tmp_path, smooth):
    from rastervision.core.data import SemanticSegmentationLabelStoreConfig

    scene.label_store = SemanticSegmentationLabelStoreConfig(
        uri=str(tmp_path / 'predictions'), smooth_output=smooth
    ).build(make_learner().cfg.data.class_config, scene.raster_source.crs_transformer, scene.extent)
    options = SemanticSegmentationPredictOptions(chip_sz=20, stride=10, crop_sz=2, batch_sz=3)
    labels = predict_scene_ss(make_learner(img_sz=20), scene, options)
    assert np.array_equal(labels.get_label_arr(scene.extent), whole.argmax(axis=0))
    tiles = predict_tiles(make_learner(img_sz=20), scene, 20, 10, 2)
    bands = np.concatenate([b.scores for b in blend(tiles, scene.extent, 3, crop_sz=2)], axis=1)
    np.testing.assert_allclose(bands, whole, atol=1e-6)
    if smooth:
        np.testing.assert_allclose(labels.get_score_arr(scene.extent), whole, atol=1e-3)


def test_scores_of_mixed_precision_are_float32(make_learner, scene):
    torch.manual_seed(0)
    learner = make_learner(torch.nn.Conv2d(3, 3, 5, padding=2), img_sz=20)
    exact, mixed = (
        np.stack([t.scores for t in predict_tiles(learner, scene, 20, precision=precision)])
        for precision in ('float32', 'bfloat16')
    )
    assert mixed.dtype == np.float32
    assert not np.array_equal(exact, mixed)
    np.testing.assert_allclose(exact, mixed, atol=0.02)


def test_a_cpu_has_no_use_for_float16(make_learner, scene):
    with pytest.raises(ConfigError, match=r"precision.*use 'bfloat16'"):
        next(predict_tiles(make_learner(), scene, 16, precision='float16'))
