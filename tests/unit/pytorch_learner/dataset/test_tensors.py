import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from rastervision.pytorch_learner.dataset.tensors import (
    image_to_tensor,
    label_to_tensor,
    scale_to_unit,
)


@given(
    st_np.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.float32]),
        st_np.array_shapes(min_dims=3, max_dims=4, max_side=5),
        elements=st.integers(0, 255),
    )
)
def test_channels_come_before_rows_and_unsigned_integers_are_scaled(x):
    out = image_to_tensor(x)

    scale = np.iinfo(x.dtype).max if x.dtype.kind == 'u' else 1
    expected = np.moveaxis(x.astype(np.float64) / scale, -1, -3)
    assert out.dtype == torch.float32
    assert out.is_contiguous()
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-7)


def test_normalize_false_changes_the_type_only():
    x = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert torch.equal(
        image_to_tensor(x, normalize=False), torch.tensor(x).permute(2, 0, 1).float()
    )


def test_scaling_does_not_write_into_the_chip():
    x = np.full((2, 2, 3), 7, np.float32)
    out = scale_to_unit(x)
    out[:] = 0
    assert (x == 7).all()


@pytest.mark.parametrize(
    ('y', 'dtype'),
    [
        (np.zeros((2, 2), np.uint8), torch.int64),
        (3, torch.int64),
        (np.array([0.5, 1.0]), torch.float32),
    ],
)
def test_labels_are_int64_or_float32(y, dtype):
    out = label_to_tensor(y)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.numpy(), y)


def test_no_label_is_a_scalar_nan():
    out = label_to_tensor(None)
    assert out.ndim == 0
    assert out.isnan()


def test_read_only_labels_are_copied():
    y = np.zeros((2, 2), np.int64)
    y.flags.writeable = False
    label_to_tensor(y)[0, 0] = 1
    assert y[0, 0] == 0
