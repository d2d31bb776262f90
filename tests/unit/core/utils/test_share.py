import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.utils.share import share, share_of_groups


@given(st.lists(st.integers(0, 1000)), st.integers(1, 12))
def test_shares_are_contiguous_and_cover_everything_once(weights, num_splits):
    shares = [share(weights, i, num_splits) for i in range(num_splits)]
    assert [i for part in shares for i in range(len(weights))[part]] == list(range(len(weights)))


@given(st.lists(st.integers(1, 1000), min_size=1), st.integers(1, 12))
def test_no_share_is_further_from_the_average_than_the_largest_weight(weights, num_splits):
    average = sum(weights) / num_splits
    for i in range(num_splits):
        assert abs(sum(weights[share(weights, i, num_splits)]) - average) <= max(weights)


@given(st.integers(0, 1000), st.integers(0, 50), st.integers(1, 50))
def test_equal_items_are_shared_equally(weight, count, num_splits):
    sizes = [len(range(count)[share([weight] * count, i, num_splits)]) for i in range(num_splits)]
    assert max(sizes) - min(sizes) <= 1


def test_one_large_item_is_a_share_of_its_own():
    assert [share([100, 1, 1, 98], i, 2) for i in range(2)] == [slice(0, 1), slice(1, 4)]
    assert [share([1, 100], i, 2) for i in range(2)] == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize(('split_ind', 'num_splits'), [(-1, 2), (2, 2), (0, 0)])
def test_there_must_be_such_a_share(split_ind, num_splits):
    with pytest.raises(ValueError, match=f'no share {split_ind} of {num_splits}'):
        share([1, 2], split_ind, num_splits)


@given(st.lists(st.lists(st.integers(0, 1000), max_size=5), max_size=6), st.integers(1, 7))
def test_shares_of_groups_cover_every_item_once_and_are_those_of_the_flat_list(groups, num_splits):
    flat = [(g, i) for g, group in enumerate(groups) for i in range(len(group))]
    seen = []
    for split_ind in range(num_splits):
        slices = share_of_groups(groups, split_ind, num_splits)
        mine = [(g, i) for g, part in enumerate(slices) for i in range(len(groups[g]))[part]]
        assert mine == flat[share([groups[g][i] for g, i in flat], split_ind, num_splits)]
        assert all(part.start >= 0 for part in slices)
        seen += mine
    assert seen == flat
