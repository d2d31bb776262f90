"""What tests of label stores share."""

import numpy as np
import pytest


@pytest.fixture
def uri(tmp_path):
    return str(tmp_path / 'a scène')


@pytest.fixture
def scores():
    """(3, 40, 50) scores in patches of 5 x 5 pixels that sum up to 1."""
    raw = np.random.default_rng(0).random((3, 8, 10)).repeat(5, axis=1).repeat(5, axis=2)
    return (raw / raw.sum(0)).astype(np.float32)
