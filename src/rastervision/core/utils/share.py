"""Sharing a list of work between processes."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


def share(weights: Sequence[int], split_ind: int, num_splits: int) -> slice:
    """One process's share of a work list: contiguous, and about as much work as any other's.

    Every item belongs to the share in which its middle falls when the work is laid out on a line
    and the line is cut into equal pieces. So all shares together are the list, and none is
    further from the average than the largest weight.

    Args:
        weights: How much work each item is; at least 1 is counted.
        split_ind: Which share, from 0 on.
        num_splits: Number of shares; some are empty when there are more of them than items.

    Raises:
        ValueError: There is no such share.
    """
    if not 0 <= split_ind < num_splits:
        raise ValueError(f'There is no share {split_ind} of {num_splits}.')
    weights = [max(1, weight) for weight in weights]
    # twice the middles, and everything times num_splits, to stay with integers
    ends = list(accumulate(weights))
    middles = [num_splits * (2 * end - weight) for end, weight in zip(ends, weights, strict=True)]
    total = ends[-1] if ends else 0
    cuts = (bisect_left(middles, 2 * total * i) for i in (split_ind, split_ind + 1))
    return slice(*cuts)


def share_of_groups(
    weights: Sequence[Sequence[int]], split_ind: int, num_splits: int
) -> list[slice]:
    """One process's share of a work list that is made of groups, such as the parts of scenes.

    Args:
        weights: For each group, how much work each of its items is.
        split_ind: Which share, from 0 on.
        num_splits: Number of shares.

    Returns:
        For each group, which of its items are in the share; empty slices for most groups.
    """
    whole = share([weight for group in weights for weight in group], split_ind, num_splits)
    starts = accumulate((len(group) for group in weights), initial=0)
    return [
        slice(max(0, whole.start - start), max(0, min(whole.stop - start, len(group))))
        for start, group in zip(starts, weights, strict=False)
    ]
