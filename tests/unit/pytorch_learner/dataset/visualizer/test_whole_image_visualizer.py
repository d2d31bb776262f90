import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from rastervision.pytorch_learner import ClassificationVisualizer, RegressionVisualizer

NAMES = ['field', 'water']
X = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ('cls', 'y', 'z'),
    [
        (ClassificationVisualizer, torch.tensor([0, 1, 1]), torch.rand(3, 2)),
        (RegressionVisualizer, torch.rand(3, 2), torch.rand(3, 2)),
    ],
)
def test_batches_are_drawn_with_and_without_labels(tmp_path, cls, y, z):
    visualizer = cls(NAMES)
    widths = []
    for label, prediction in ((None, None), (y, None), (y, z)):
        path = tmp_path / 'batch.png'
        visualizer.plot_batch(X, label, str(path), z=prediction)
        with Image.open(path) as image:
            widths.append(image.width)
    assert widths == sorted(set(widths))


def texts(ax):
    return [(text.get_text(), text.get_color()) for text in ax.texts]


@pytest.mark.parametrize(
    ('z', 'expected'),
    [
        (torch.tensor(1), ('water', 'green')),
        (torch.tensor([0.9, 0.1]), ('field', 'red')),
        (0, ('field', 'red')),
    ],
)
def test_the_colour_says_whether_a_class_is_right(z, expected):
    ax = Figure().subplots()
    ClassificationVisualizer(NAMES).plot_pred(ax, NAMES, z, torch.tensor(1))
    assert texts(ax) == [expected]


def test_values_are_written_with_their_names():
    ax = Figure().subplots()
    RegressionVisualizer(NAMES).plot_gt(ax, NAMES, torch.tensor([0.25, 1234.5678]))
    assert texts(ax) == [('field: 0.25\nwater: 1235', 'black')]


def test_errors_are_drawn_without_what_is_not_known(tmp_path):
    y = np.random.default_rng(0).random((50, 2), dtype=np.float32)
    y[::5, 0] = np.nan
    y[:, 1] = np.nan
    path = tmp_path / 'errors.png'
    RegressionVisualizer(NAMES).plot_errors(str(path), y, y + 1, max_points=10, bins=5)
    assert path.stat().st_size > 5000
