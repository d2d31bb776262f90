import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch.utils.data import TensorDataset

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import PlotOptions, SemanticSegmentationVisualizer
from rastervision.pytorch_learner.alb import alb


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.rand(3, 4, 16, 16), torch.randint(0, 2, (3, 16, 16))


@pytest.fixture
def visualizer():
    return SemanticSegmentationVisualizer(
        ['field', 'water'], ['green', 'blue'], transform=PlotOptions().transform
    )


def test_plot_batch_writes_a_picture(visualizer, batch, tmp_path):
    x, y = batch
    path = tmp_path / 'batch.png'
    visualizer.plot_batch(x, y, str(path), z=torch.rand(3, 2, 16, 16))
    with Image.open(path) as image:
        assert image.size[0] > image.size[1] * 0.8  # three rows of three pictures and a legend


def test_a_picture_without_a_suffix_is_png(visualizer, batch, tmp_path):
    visualizer.plot_batch(*batch, str(tmp_path / 'batch'), batch_limit=1)
    assert (tmp_path / 'batch.png').is_file()


def test_what_cannot_be_drawn_is_named(visualizer, batch):
    with pytest.raises(ConfigError, match='batch_limit has to be above 0, got 0'):
        visualizer.plot_batch(*batch, batch_limit=0)
    other = SemanticSegmentationVisualizer(['a', 'b'], channel_display_groups=[(1, 2, 4)])
    with pytest.raises(ConfigError, match=r'names channel 4 but images have 4; use 0\.\.3'):
        other.plot_batch(*batch)


@pytest.mark.parametrize('y', [None, torch.full((3,), torch.nan)])
def test_labels_may_be_missing(visualizer, batch, tmp_path, y):
    visualizer.plot_batch(batch[0], y, str(tmp_path / 'batch.png'), batch_limit=1)
    assert (tmp_path / 'batch.png').stat().st_size > 1000


def test_class_ids_are_drawn_in_the_colours_of_the_classes(visualizer, batch):
    ax = Figure().subplots()
    y = batch[1][0]
    visualizer.plot_gt(ax, y, 2, visualizer._colormap())
    drawn = ax.images[0].to_rgba(ax.images[0].get_array(), bytes=True)[..., :3]
    green, blue = (0, 128, 0), (0, 0, 255)
    np.testing.assert_array_equal(drawn, np.array([green, blue])[y.numpy()])


def test_scores_are_drawn_as_the_class_with_the_highest(visualizer):
    ax = Figure().subplots()
    scores = torch.zeros(2, 4, 4)
    scores[1, :2] = 1
    visualizer.plot_pred(ax, scores, 2, visualizer._colormap())
    np.testing.assert_array_equal(ax.images[0].get_array()[:, 0], [1, 1, 0, 0])


def test_a_row_has_a_picture_for_each_group_of_channels(batch):
    x, y = batch
    groups = {'RGB': [2, 1, 0], 'Infrared': [3]}
    visualizer = SemanticSegmentationVisualizer(['a'], channel_display_groups=groups)
    assert visualizer.get_plot_params(x=x, y=y, z=None)['ncols'] == 3
    axs = Figure().subplots(1, 3)
    visualizer.plot_xyz(axs, x[0], y[0])
    assert [ax.get_title() for ax in axs] == ['RGB', 'Infrared', 'Ground truth']
    np.testing.assert_allclose(axs[0].images[0].get_array(), x[0][[2, 1, 0]].permute(1, 2, 0))


def test_a_time_series_has_a_row_for_each_step(visualizer, tmp_path):
    x = torch.rand(2, 3, 4, 8, 8)
    assert visualizer.get_plot_nrows(x=x) == 6
    visualizer.plot_batch(x, torch.zeros(2, 8, 8, dtype=torch.long), str(tmp_path / 'a.png'))
    assert (tmp_path / 'a.png').exists()


def test_values_beyond_the_unit_range_are_stretched_for_display(visualizer):
    axs = Figure().subplots(1, 1, squeeze=False)[0]
    visualizer.plot_image(axs, torch.linspace(-5, 20, 48).reshape(3, 4, 4))
    drawn = axs[0].images[0].get_array()
    assert (drawn.min(), drawn.max()) == (0, 1)


@pytest.mark.parametrize(('p', 'corner'), [(1, 0.75), (0, 0.25)])
def test_an_own_transform_is_applied_with_its_probability(p, corner):
    flip = alb.to_dict(alb.HorizontalFlip(p=p))
    visualizer = SemanticSegmentationVisualizer(['a'], transform=flip)
    axs = Figure().subplots(1, 1, squeeze=False)[0]
    visualizer.plot_image(axs, torch.tensor([0.25, 0.75]).expand(3, 2, 2))
    assert axs[0].images[0].get_array()[0, 0, 0] == corner


@pytest.mark.parametrize('groups', [[[0, 1, 2, 3]], {'none': []}])
def test_a_group_has_one_to_three_channels(groups):
    with pytest.raises(ConfigError, match='channel_display_groups'):
        SemanticSegmentationVisualizer(['a'], channel_display_groups=groups)


def test_get_batch(visualizer, batch):
    x, y = visualizer.get_batch(TensorDataset(*batch), batch_sz=2)
    assert torch.equal(x, batch[0][:2])
    assert torch.equal(y, batch[1][:2])


@pytest.mark.slow  # a process of its own, which loads torch
def test_a_picture_is_written_without_pyplot_and_albumentations(tmp_path):
    code = (
        'import sys, torch\n'
        'from rastervision.pytorch_learner import PlotOptions\n'
        'from rastervision.pytorch_learner import SemanticSegmentationVisualizer as V\n'
        'visualizer = V(["a"], transform=PlotOptions().transform)\n'
        f'visualizer.plot_batch(torch.rand(1, 3, 8, 8), None, {str(tmp_path / "a.png")!r})\n'
        'assert "matplotlib.pyplot" not in sys.modules\n'
        'assert "albumentations" not in sys.modules\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True, timeout=120)
