import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rastervision.core.box import Box
from rastervision.core.data import utils
from rastervision.core.data.utils.misc import (
    all_equal,
    describe_source,
    ensure_json_serializable,
    listify_uris,
    parse_array_slices_2d,
    parse_array_slices_Nd,
    save_img,
)
from rastervision.pipeline.errors import NotWritableError

H, W, C = 12, 10, 4
ARRAY = np.arange(H * W * C).reshape(H, W, C)
EXTENT = Box(0, 0, H, W)


def axis_slices(length: int):
    """Slices that are not empty and end within the axis."""
    ends = st.tuples(st.integers(0, length - 1), st.integers(1, length)).filter(
        lambda ends: ends[0] < ends[1]
    )
    step = st.one_of(st.none(), st.integers(1, 4))

    def make(ends, step, negative, open_ended):
        start, stop = ends
        if open_ended:
            return slice(start, None, step)
        return slice(start - length, stop, step) if negative else slice(start, stop, step)

    return st.builds(make, ends, step, st.booleans(), st.booleans())


@given(axis_slices(H), axis_slices(W), st.sampled_from([slice(None), 1, [0, 2], slice(1, 3), ...]))
def test_slices_mean_what_they_mean_to_an_array(rows, columns, channels) -> None:
    key = (rows, columns, channels)
    window, rest = parse_array_slices_Nd(key, EXTENT)
    ys, xs = window.to_slices()
    assert np.array_equal(ARRAY[ys, xs][tuple(rest)], ARRAY[key])


def test_one_slice_is_of_rows() -> None:
    window, rest = parse_array_slices_2d(slice(2, 5), EXTENT)
    assert window == Box(2, 0, 5, W)
    assert rest == [slice(None), slice(None)]


def test_other_dimensions_can_come_first() -> None:
    window, rest = parse_array_slices_Nd((0, slice(1, 3), slice(2, 4)), EXTENT, 4, -3, -2)
    assert window == Box(1, 2, 3, 4)
    assert rest[0] == 0
    assert rest[3] == slice(None)


def test_channels_can_be_an_array() -> None:
    window, rest = parse_array_slices_Nd((slice(1, 3), slice(2, 4), np.array([0, 2])), EXTENT)
    assert window == Box(1, 2, 3, 4)
    assert rest[2].tolist() == [0, 2]


def test_ends_beyond_the_extent_are_kept() -> None:
    window, _ = parse_array_slices_2d((slice(0, 100), slice(5, 60)), EXTENT)
    assert window == Box(0, 5, 100, 60)


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        (3, 'must be indexed by slices'),
        ((slice(None), 2), 'must be indexed by slices'),
        ((slice(3, 3), slice(None)), 'is empty'),
        ((slice(None, None, -1), slice(None)), 'Steps must be positive'),
        ((slice(None),) * 3, '3 indices for 2 dimensions'),
        ((..., ...), 'Only one'),
    ],
)
def test_other_indices_are_refused(key, message) -> None:
    with pytest.raises(ValueError, match=message):
        parse_array_slices_2d(key, EXTENT)


def test_json_of_numpy_things() -> None:
    thing = {np.int64(1): np.float32(0.5), 'b': (np.arange(2), {3}), 'c': np.bool_(True)}
    assert json.loads(json.dumps(ensure_json_serializable(thing))) == {
        '1': 0.5,
        'b': [[0, 1], [3]],
        'c': True,
    }


def test_save_img_round_trip(tmp_path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = tmp_path / 'new folder' / 'image.png'
    save_img(pixels, str(path))
    assert np.array_equal(np.array(Image.open(path)), pixels)


def test_save_img_needs_a_known_suffix(tmp_path) -> None:
    with pytest.raises(NotWritableError, match=r'image\.nope'):
        save_img(np.zeros((2, 2), dtype=np.uint8), str(tmp_path / 'image.nope'))
    assert not list(tmp_path.iterdir())


def test_small_helpers() -> None:
    assert all_equal([])
    assert all_equal([1, 1.0])
    assert not all_equal([1, 2])
    assert listify_uris('a') == ['a']
    assert listify_uris(['a', 'b']) == ['a', 'b']
    assert listify_uris(Path('a')) == ['a']
    assert listify_uris((Path('a'), 's3://b')) == ['a', 's3://b']
    assert describe_source(object()) == 'object'


def test_every_exported_name_exists() -> None:
    for name in utils.__all__:
        assert getattr(utils, name) is not None
