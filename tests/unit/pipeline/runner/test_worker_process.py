"""Lines out of what a worker writes."""

from io import BufferedReader, BytesIO

import pytest

from rastervision.pipeline.runner import worker_process
from rastervision.pipeline.runner.worker_process import lines

MARK = b'\x1emark '


class Pieces(BytesIO):
    """Output of which a given number of bytes is there at a time; notes how much was read."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def read1(self, size=-1):
        return self.read(min(size, self.size))


@pytest.mark.parametrize('size', [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ('output', 'expected'),
    [
        (b'a\n\nb\n', [b'a', b'', b'b']),
        (b'a\r\nb\r\r\n', [b'a', b'b']),
        (b'10%\r20%\r30%\nb', [b'30%', b'b']),
        (b'\r10%\r20%\r\r', [b'20%']),
        (b'10%\r20%' + MARK + b'{}\n', [b'20%' + MARK + b'{}']),
    ],
)
def test_lines_whatever_the_pieces(output, expected, size):
    assert list(lines(Pieces(output, size), MARK)) == expected


def test_what_is_redrawn_again_and_again_is_not_kept(monkeypatch):
    longest = 0

    def watched(line):
        nonlocal longest
        longest = max(longest, len(line))
        return last_state(line)

    last_state = worker_process._last_state
    monkeypatch.setattr(worker_process, '_last_state', watched)
    output = b'working\r' * 200_000
    assert list(lines(Pieces(output, 1 << 16), MARK)) == [b'working']
    assert longest < 2 * worker_process.CHUNK_BYTES


def test_a_line_without_end_comes_in_pieces():
    output = b'x' * 5_000_000 + MARK + b'y' * 2_000_000 + b'\n'
    found = list(lines(BufferedReader(BytesIO(output)), MARK))
    assert b''.join(found) == output[:-1]
    assert max(map(len, found[:-1])) <= worker_process.LONGEST_LINE + worker_process.CHUNK_BYTES
    assert found[-1].endswith(MARK + b'y' * 2_000_000)
