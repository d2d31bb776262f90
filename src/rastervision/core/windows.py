"""The one rule by which windows tile an axis; pure integers, one axis at a time.

An axis has `length` pixels, 0 to `length`. It may be padded before its start and after its end.
Windows of `size` pixels start at the padded start and then every `stride` pixels, for as long as
they fit into the padded axis. `core.box.Box.get_windows` and everything else that slides windows
goes through here.
"""

from typing import Literal, TypeAlias

PadDirection: TypeAlias = Literal['both', 'start', 'end']
PAD_DIRECTIONS: tuple[PadDirection, ...] = ('both', 'start', 'end')


def check_sizes(size: int, stride: int) -> None:
    """Raise ValueError unless the window size and the stride are at least one pixel."""
    if size < 1 or stride < 1:
        raise ValueError(
            f'Window size and stride must be positive, got size={size}, stride={stride}.'
        )


def check_pad_direction(pad_direction: str) -> None:
    """Raise ValueError for anything but the three known directions."""
    if pad_direction not in PAD_DIRECTIONS:
        raise ValueError(f'pad_direction must be one of {PAD_DIRECTIONS}, got {pad_direction!r}.')


def num_windows(length: int, size: int, stride: int) -> int:
    """Count the whole windows that fit on an axis (0 when it is shorter than a window)."""
    check_sizes(size, stride)
    return max(0, (length - size) // stride + 1)


def required_padding(
    length: int,
    size: int,
    stride: int,
    pad_direction: PadDirection = 'end',
    crop_sz: int | None = None,
) -> int:
    """Padding with which windows leave no pixel of an axis out.

    Args:
        length: pixels on the axis.
        size: window size in pixels.
        stride: distance between window starts in pixels. Coverage needs `stride` to be at most
            the part of a window that is kept, `size - 2 * crop_sz`.
        pad_direction: side(s) to pad. With 'both' the result is for each of the two sides.
        crop_sz: pixels that will be cut from each edge of every window. What remains of the
            windows then covers the axis; needs `pad_direction='both'`.

    Returns:
        Pixels to add on the padded side, or on each side for 'both'.

    Raises:
        ValueError: crop_sz with another direction than 'both', or so large that nothing of a
            window remains or that gaps open between the remains.
    """
    check_sizes(size, stride)
    check_pad_direction(pad_direction)
    crop = crop_sz or 0
    if crop:
        if pad_direction != 'both':
            raise ValueError(f"crop_sz={crop} needs pad_direction='both', got {pad_direction!r}.")
        if crop < 0 or stride > size - 2 * crop:
            raise ValueError(
                f'crop_sz={crop} keeps {max(0, size - 2 * crop)} of {size} pixels of a window, '
                f'which leaves gaps at stride {stride}; use a smaller crop_sz or stride.'
            )
    if crop:
        # The rule of release 0.31, as read off its predictions. It may add a window more than is
        # needed, but other window positions give other scores, and other class maps from them.
        return -(-(covered_length(length + 4 * crop, size, stride) - length) // 2) + crop
    total = covered_length(length, size, stride) - length
    return -(-total // 2) if pad_direction == 'both' else total


def covered_length(length: int, size: int, stride: int) -> int:
    """Length of the shortest row of windows that is not shorter than the axis."""
    steps = -(-max(0, length - size) // stride)
    return size + steps * stride


def axis_starts(
    length: int,
    size: int,
    stride: int,
    padding: int | None = None,
    pad_direction: PadDirection = 'end',
) -> range:
    """Starts of the windows on an axis.

    Args:
        length: pixels on the axis.
        size: window size in pixels.
        stride: distance between window starts in pixels.
        padding: pixels added on the padded side(s). None adds what is needed so that no pixel
            is left out (for `stride <= size`); 0 gives only windows that lie within the axis.
        pad_direction: side(s) that are padded.

    Returns:
        Start positions; negative where the start is padded.
    """
    check_sizes(size, stride)
    check_pad_direction(pad_direction)
    if padding is None:
        padding = required_padding(length, size, stride, pad_direction)
    if padding < 0:
        raise ValueError(f'padding must not be negative, got {padding}.')
    before = 0 if pad_direction == 'end' else padding
    after = 0 if pad_direction == 'start' else padding
    count = num_windows(before + length + after, size, stride)
    return range(-before, -before + count * stride, stride)
