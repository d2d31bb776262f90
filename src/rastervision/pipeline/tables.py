"""Text for people: tables and lines that fit a terminal, and are whole in files and pipes."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

from rastervision.pipeline.progress import shortened

GAP = 2
NARROWEST = 16
"""Words of so many characters are kept whole."""

UNKNOWN = '?'
NOTHING = {'-', UNKNOWN}


def terminal_width() -> int | None:
    """Columns of the terminal that the output goes to; None if that is a file or a pipe."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None


def wrapped(text: str, width: int | None, indent: str = '') -> str:
    """A line of text as lines of a width, all but the first with an indent; words stay whole."""
    if width is None or len(text) <= width:
        return text
    lines = textwrap.wrap(
        text.lstrip(),
        width,
        initial_indent=text[: len(text) - len(text.lstrip())],
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return '\n'.join(lines)


def aligned(rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Rows of cells, all of the same length, as lines with columns.

    Args:
        rows: The cells.
        width: What the lines shall fit into, None for as wide as they are. The widest columns are
            made narrower: their cells go on in further lines, and words that are longer lose their
            middle.

    Returns:
        A text for each row, of one line unless cells were made narrower.
    """
    widths = _widths(list(zip(*rows, strict=True)), width)
    return ['\n'.join(_lines(row, widths)) for row in rows]


def table(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Rows below each other, the first of which are the names of the columns.

    If they do not fit the width, columns that hold nothing but '-' and '?' are left out. Then, the
    widest first, those that hold the same wherever it is known are told once below.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    kept = columns
    if _is_too_wide(kept, width):
        kept = [columns[0], *(column for column in columns[1:] if {*column[1:]} - NOTHING)]
    told: list[str] = []
    for column in sorted(kept[1:], key=lambda column: -max(map(len, column))):
        known = {*column[1:]} - {UNKNOWN}
        if len(known) == 1 and _is_too_wide(kept, width):
            kept = [other for other in kept if other is not column]
            told.append(f'{column[0]} {known.pop()}')
    lines = aligned(list(zip(*kept, strict=True)), width)
    if told:
        lines.append(wrapped(f'Each: {", ".join(told)}.', width))
    return '\n'.join(lines)


def _is_too_wide(columns: Sequence[Sequence[str]], width: int | None) -> bool:
    needed = sum(max(map(len, column)) + GAP for column in columns) - GAP
    return width is not None and needed > width


def _widths(columns: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Widths of columns, the widest made narrower until they fit or have no blank to break at."""
    widths = [max(map(len, column)) for column in columns]
    if width is None:
        return widths
    words = [max(map(len, ' '.join(column).split()), default=0) for column in columns]
    for _ in range(sum(widths) + GAP * (len(widths) - 1) - width):
        wide = [i for i, least in enumerate(words) if widths[i] > min(least, NARROWEST)]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [_cell(text, width) for text, width in zip(row, widths, strict=True)]
    lines = []
    for i in range(max(map(len, cells))):
        parts = [cell[i] if i < len(cell) else '' for cell in cells]
        padded = (part.ljust(width) for part, width in zip(parts, widths, strict=True))
        lines.append((' ' * GAP).join(padded).rstrip())
    return lines


def _cell(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    words = (shortened(word, width) for word in text.split())
    return textwrap.wrap(' '.join(words), width, break_on_hyphens=False)
