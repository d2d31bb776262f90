"""Lines out of what a worker writes."""

import sys
import time
from io import BufferedReader, BytesIO
from queue import SimpleQueue
from subprocess import PIPE
from threading import Thread

import pytest
from waiting import SECONDS, started, wait_until

from rastervision.pipeline.runner import worker_process
from rastervision.pipeline.runner.worker_process import WorkerProcess, lines

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


def test_what_nobody_handles_stays_in_the_pipe_until_the_end_is_asked_for(monkeypatch):
    monkeypatch.setattr(worker_process, 'MOST_EVENTS', 10)
    events, worker = SimpleQueue(), object.__new__(WorkerProcess)
    code = 'print(*range(1000), sep="\\n")'
    with started([sys.executable, '-c', code], stdin=PIPE, stdout=PIPE) as process:
        worker.process, worker._mark = process, MARK.decode()
        reader = Thread(target=worker._read, args=(events,))
        reader.start()
        wait_until(lambda: events.qsize() > 10)
        time.sleep(0.2)
        assert events.qsize() == 11
        worker.ask_to_end()
        reader.join(SECONDS)
    assert [events.get_nowait().data for _ in range(1000)] == [str(i) for i in range(1000)]
    assert events.get_nowait().kind == 'exit'
