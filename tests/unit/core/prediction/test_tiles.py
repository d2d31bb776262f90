import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rastervision.core.box import Box
from rastervision.core.prediction import ScoreTile
from rastervision.core.prediction.tiles import best_class


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 3)))
def test_best_class_is_the_first_of_the_highest(scores):
    classes, best = best_class(scores)
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, scores.argmax(axis=0))
    np.testing.assert_array_equal(best, scores.max(axis=0))


def test_best_class_leaves_the_scores_alone():
    scores = np.array([[[0.0]], [[1.0]]])
    best_class(scores)
    assert scores.ravel().tolist() == [0, 1]


@pytest.mark.parametrize(
    ('scores', 'valid'), [((2, 3, 4), (4, 4)), ((2, 4, 3), (3, 4)), ((3, 4), (3, 4))]
)
def test_a_tile_refuses_arrays_of_another_size(scores, valid):
    with pytest.raises(ValueError, match='must be'):
        ScoreTile(Box(0, 0, 3, 4), np.zeros(scores, np.float32), np.ones(valid, bool))
