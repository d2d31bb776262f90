"""Polygons of a mask, exact along the edges of the pixels, from bands of rows.

The corners at which the outline of a mask turns can be seen in 2 x 2 pixels, so they are found band
by band. On every grid line, sorted corners pair up to edges: 1st with 2nd, 3rd with 4th. Following
edges gives rings, without any seam where bands meet. All of it is array work.

Conventions are those of GDAL's polygonizer: pixels hang together by their sides, not by their
corners; a ring that touches itself at a corner is cut into two there, so all polygons are valid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.utils.gc_pause import gc_paused

Polygons = NDArray[np.object_]
Ints = NDArray[np.int64]

# The four pixels around a corner as bits: which of them are set says how the outline turns.
NW, NE, SW, SE = 1, 2, 4, 8
ALL = NW | NE | SW | SE
SADDLES = (NE | SW, NW | SE)
# Each turn joins a horizontal edge and a vertical one. With the mask to the left, these leave along
# the horizontal edge ...
LEAVES_BY_ROW = (NE, SW, ALL - SE, ALL - NW)
# ... and these have their vertical edge below the corner.
EDGE_BELOW = (SW, SE, ALL - SW, ALL - SE)
# The pixel to the lower left is set and the one to the lower right is not: a run of pixels ends.
ENDS_RUN = (ALL - SE, NE | SW)

FLUSH_SIZE = 2**17
"""Number of turns at which finished polygons are taken out."""


@dataclass(frozen=True, eq=False, slots=True)
class _Turns:
    """Turns of outlines, by rows and then columns; two at a saddle, the one of the left edge first.

    Attributes:
        x: (n,) int32.
        y: (n,) int32.
        kind: (n,) uint8 bits of the pixels that belong to the turn's side of a saddle, or of all
            four pixels elsewhere.
        saddle: (n,) bool, True for both turns at a saddle.
        run: (n,) int32, where the run of pixels starts that ends below this corner; -1 where none
            does.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    kind: NDArray[np.uint8]
    saddle: NDArray[np.bool_]
    run: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, keep: NDArray[np.bool_]) -> '_Turns':
        x, y, kind = self.x[keep], self.y[keep], self.kind[keep]
        return _Turns(x, y, kind, self.saddle[keep], self.run[keep])

    def saddle_pairs(self) -> Ints:
        """Positions of turns that are at the same saddle as the turn before."""
        second: Ints = np.flatnonzero(self.saddle[1:] & self.saddle[:-1]) + 1
        first = second - 1
        same = (self.x[second] == self.x[first]) & (self.y[second] == self.y[first])
        return np.asarray(second[same])

    @classmethod
    def joined(cls, parts: list['_Turns']) -> '_Turns':
        columns = ('x', 'y', 'kind', 'saddle', 'run')
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


class PolygonTracer:
    """Turns bands of a mask into polygons, the same as those of the whole mask.

    Memory holds one band and the outlines of the polygons that are not finished.
    """

    def __init__(self, width: int) -> None:
        """Constructor.

        Args:
            width: columns of the mask.
        """
        self.width = width
        self._y = 0
        self._last_row = np.zeros(width, dtype=np.uint8)
        self._pending: list[_Turns] = []
        self._size = 0
        self._flush_at = FLUSH_SIZE

    def add(self, mask: NDArray[Any]) -> Polygons:
        """Take the next rows.

        Args:
            mask: (h, width) bool, or uint8 of 0 and 1.

        Returns:
            Some of the polygons that are finished, (n,) with (x, y) in pixels.
        """
        self._scan(mask)
        return self._flush() if self._size >= self._flush_at else _no_polygons()

    def finish(self) -> Polygons:
        """The remaining polygons; there are no more rows."""
        self._scan(np.zeros((1, self.width), dtype=np.uint8))
        return self._flush()

    def _scan(self, mask: NDArray[Any]) -> None:
        padded = np.zeros((len(mask) + 1, self.width + 2), dtype=np.uint8)
        padded[0, 1:-1] = self._last_row
        padded[1:, 1:-1] = mask
        self._last_row = padded[-1, 1:-1].copy()
        turns = _find_turns(padded, self._y)
        self._y += len(mask)
        self._pending.append(turns)
        self._size += len(turns)

    def _flush(self) -> Polygons:
        if not self._size:
            return _no_polygons()
        turns = _Turns.joined(self._pending)
        following, outline, is_open = _follow(turns)
        open_outlines = np.zeros(len(turns), dtype=bool)
        open_outlines[outline[is_open]] = True
        pending = open_outlines[outline]
        rest = turns[pending]
        self._pending, self._size = [rest], len(rest)
        # outlines are followed again at every flush, so that must not happen too often
        self._flush_at = max(FLUSH_SIZE, 2 * self._size)
        if self._size:
            turns = turns[~pending]
            following, outline, _ = _follow(turns)
        return _polygons(turns, following, outline) if len(turns) else _no_polygons()


def _no_polygons() -> Polygons:
    return np.empty(0, dtype=object)


def _find_turns(padded: NDArray[np.uint8], y: int) -> _Turns:
    """Turns on the grid lines between the rows of a band.

    Args:
        padded: (h + 1, W + 2) mask of 0 and 1: the row above the band, its rows, and an empty
            column on both sides.
        y: grid line at the top of the band.
    """
    sides = padded[:, :-1] ^ padded[:, 1:]  # 1 where a vertical edge runs along a pixel
    ends = padded[:-1] ^ padded[1:]  # 1 where a horizontal edge runs along a pixel
    turning = sides[:-1] ^ sides[1:]
    turning |= sides[:-1] & ends[:, :-1] & ends[:, 1:]
    found = np.flatnonzero(turning.view(bool))
    row, x = np.divmod(found, sides.shape[1])
    code = (
        padded[row, x] * np.uint8(NW)
        + padded[row, x + 1] * np.uint8(NE)
        + padded[row + 1, x] * np.uint8(SW)
        + padded[row + 1, x + 1] * np.uint8(SE)
    )
    run = np.full(len(found), -1, dtype=np.int32)
    ending = np.flatnonzero(np.isin(code, ENDS_RUN))
    if len(ending):
        # the side before this one in the row of pixels below is where the run starts
        below = np.flatnonzero(sides[1:].view(bool))
        before = below[np.searchsorted(below, found[ending]) - 1]
        run[ending] = before % sides.shape[1]

    saddle = np.isin(code, SADDLES)
    at = np.repeat(np.arange(len(found)), 1 + saddle)
    second = np.zeros(len(at), dtype=bool)
    second[1:] = at[1:] == at[:-1]
    code, saddle = code[at], saddle[at]
    west = np.where(code == (NE | SW), SW, NW).astype(np.uint8)
    east = np.where(code == (NE | SW), NE, SE).astype(np.uint8)
    kind = np.where(saddle, np.where(second, east, west), code)
    run = np.where(second, np.int32(-1), run[at])
    return _Turns(x[at].astype(np.int32), (row[at] + y).astype(np.int32), kind, saddle, run)


def _follow(turns: _Turns) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Follow the edges from turn to turn.

    Returns:
        (n,) the turn after each one, itself where its edge ends in rows to come;
        (n,) labels of outlines, equal for all turns around the same pixels that hang together;
        (n,) whether an edge of the turn ends in rows to come.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(turns)
    index = np.arange(n)
    below = np.isin(turns.kind, EDGE_BELOW)
    by_column = _column_order(turns)
    # in a column, every turn with its edge below is followed by one with its edge above
    upper = np.flatnonzero(below[by_column])
    lower = np.minimum(upper + 1, n - 1)
    x = turns.x[by_column]
    paired = (lower > upper) & (x[lower] == x[upper]) & ~below[by_column[lower]]
    is_open = np.zeros(n, dtype=bool)
    is_open[by_column[upper[~paired]]] = True
    top, bottom = by_column[upper[paired]], by_column[lower[paired]]
    vertical = index.copy()
    vertical[top], vertical[bottom] = bottom, top
    following = np.where(np.isin(turns.kind, LEAVES_BY_ROW), index ^ 1, vertical)

    # Both sides of a run of pixels belong to the same outline. Its left side is found by the turn
    # at the upper end of the edge there.
    ending = np.flatnonzero(turns.run >= 0)
    lines = np.int64(2) * (turns.y.max(initial=0) + 2)
    keys = x * lines + 2 * turns.y[by_column] + below[by_column]
    wanted = turns.run[ending] * lines + 2 * turns.y[ending] + 1
    left = by_column[np.searchsorted(keys, wanted, side='right') - 1]
    ends = np.concatenate([index, ending]), np.concatenate([following, left])
    graph = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(n, n))
    _, outline = connected_components(graph, directed=False)

    # Where pixels of one outline meet at a corner, the ring touches itself: cut it in two.
    second = turns.saddle_pairs()
    second = second[outline[second] == outline[second - 1]]
    following[second], following[second - 1] = following[second - 1], following[second]
    return following, outline.astype(np.int64), is_open


def _column_order(turns: _Turns) -> Ints:
    """Order by column and then row; at a saddle, the turn with its edge above comes first."""
    order = np.arange(len(turns))
    second = turns.saddle_pairs()
    second = second[turns.kind[second] == NE]
    order[second], order[second - 1] = second - 1, second
    x = turns.x[order]
    if x.max(initial=0) <= np.iinfo(np.uint16).max:
        x = x.astype(np.uint16)  # sorted in linear time
    return order[np.argsort(x, kind='stable')]


@gc_paused()
def _polygons(turns: _Turns, following: Ints, outline: Ints) -> Polygons:
    """Polygons from closed outlines."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    n = len(turns)
    index = np.arange(n)
    ones = np.ones(n, dtype=np.int8)
    steps = csr_array((ones, following, np.arange(n + 1)), shape=(n, n))
    num_rings, ring = connected_components(steps, directed=True, connection='strong')
    start = _first_of_each(ring, num_rings)  # the upper left turn of every ring
    shell = _first_of_each(outline, int(outline.max()) + 1)[outline[start]]
    # rings by outline, in which the outer ring has the upper left turn of all
    order = np.lexsort((start, shell))
    start, shell = start[order], shell[order]

    # all rings one after the other, as one path that goes from the end of each to the next start
    previous = np.empty(n, dtype=np.int64)
    previous[following] = index
    path = following.copy()
    path[previous[start]] = np.roll(start, -1)
    chain = csr_array((ones, path, np.arange(n + 1)), shape=(n, n))
    visited = breadth_first_order(chain, start[0], return_predecessors=False)
    position = np.empty(n, dtype=np.int64)
    position[visited] = index
    stops = np.append(position[start[1:]], n)
    closed = np.insert(visited, stops, start)

    points = np.stack([turns.x[closed], turns.y[closed]], axis=1).astype(np.float64)
    sizes = np.diff(stops, prepend=0) + 1
    rings: Any = shapely.linearrings(points, indices=np.repeat(np.arange(num_rings), sizes))
    is_shell = start == shell
    polygons: Any = shapely.polygons(rings[is_shell])
    first_ring = np.flatnonzero(is_shell)
    last_ring = np.append(first_ring[1:], num_rings)
    for i in np.flatnonzero(last_ring - first_ring > 1):
        first, last = first_ring[i], last_ring[i]
        polygons[i] = shapely.polygons(rings[first], holes=rings[first + 1 : last])
    return np.asarray(polygons)


def _first_of_each(labels: NDArray[Any], num_labels: int) -> Ints:
    """(num_labels,) first position of each of the labels 0, 1, ..."""
    first = np.empty(num_labels, dtype=np.int64)
    first[labels[::-1]] = np.arange(len(labels))[::-1]
    return first
