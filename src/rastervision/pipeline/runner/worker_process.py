"""The parent's side of a worker process."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from queue import SimpleQueue
from typing import IO, Any, Literal, cast

from rastervision.pipeline import rv_config_
from rastervision.pipeline.process import GRACE_SECONDS
from rastervision.pipeline.public_text import public_text
from rastervision.pipeline.runner.gpus import VISIBLE
from rastervision.pipeline.runner.worker import Message
from rastervision.pipeline.rv_config import child_environment

IS_WINDOWS = sys.platform == 'win32'
MOST_EVENTS = 1000
"""Events that nobody has handled yet at which the output is left in its pipe, so that a job that
prints faster than it can be shown has to wait."""
CHUNK_BYTES = 1 << 16
LONGEST_LINE = 1 << 20
"""Bytes of a line that has not ended after which the rest of it is a further line."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a worker did.

    Attributes:
        worker: The worker.
        kind: It wrote a line, sent a message (the state of a bar, the end of the job), or closed
            its output because it ended.
        data: The line, without credentials in URIs, or the message; empty at the end of the worker.
    """

    worker: 'WorkerProcess'
    kind: Literal['line', 'message', 'exit']
    data: Any = ''


class WorkerProcess:
    """A process that carries out jobs, one at a time, and puts what happens on a queue.

    It has a process group of its own, so that Ctrl-C reaches the parent alone, and so that `stop`
    can end whatever the jobs have started.

    Args:
        events: Where events go, from a thread.
        threads: Number of threads that numerical libraries may use; None for their own choice.
        bars: Send the state of progress bars instead of printing log lines.
        gpu: The one GPU that it sees, as `CUDA_VISIBLE_DEVICES` takes it; None for those that this
            process sees.
        settings: Settings to take over, as `RVConfig.hand_over` gives them; None for those of this
            process.
    """

    def __init__(
        self,
        events: 'SimpleQueue[Event]',
        threads: int | None,
        bars: bool,
        gpu: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.threads = threads
        self.gpu = gpu
        self._killed = False
        self._mark = f'\x1e{secrets.token_hex(8)} '
        limit = {'OMP_NUM_THREADS': str(threads)} if threads is not None else {}
        env = child_environment(**limit)
        if gpu is not None:
            env[VISIBLE] = gpu
        own_group: dict[str, Any] = (
            {'creationflags': getattr(subprocess, 'CREATE_NEW_PROCESS_GROUP', 0)}
            if IS_WINDOWS
            else {'start_new_session': True}
        )
        self.process = subprocess.Popen(
            [
                sys.executable,
                '-P',
                '-c',
                'from rastervision.pipeline.runner.worker import main; main()',
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            **own_group,
        )
        self._reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()
        self.send(
            {
                'mark': self._mark,
                'bars': bars,
                'sys_path': sys.path,
                'settings': settings or rv_config_.hand_over(),
            }
        )

    def send(self, message: Message) -> None:
        """Write a message to the worker; one that has ended is found out by its exit event."""
        pipe = cast(IO[bytes], self.process.stdin)
        with suppress(OSError):
            pipe.write(json.dumps(message).encode() + b'\n')
            pipe.flush()

    def ask_to_end(self) -> None:
        """Tell the worker to stop what it does, clean up and end."""
        with suppress(OSError):  # what was not written yet has nobody to read it
            cast(IO[bytes], self.process.stdin).close()

    def kill(self) -> None:
        """End the worker, and all that its jobs have started, at once."""
        if self._killed:
            return
        self._killed = True
        self.ask_to_end()
        if IS_WINDOWS:
            command = ['taskkill', '/T', '/F', '/PID', str(self.process.pid)]
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (our own process)
        else:
            with suppress(ProcessLookupError, PermissionError):  # the group is empty
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(timeout=GRACE_SECONDS)

    def end(self, seconds: float = GRACE_SECONDS + 1) -> None:
        """Ask the worker to end, and kill what is left of it and its jobs after some seconds."""
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill()

    def _read(self, events: 'SimpleQueue[Event]') -> None:
        """Turn the output into events."""
        inbox = cast(IO[bytes], self.process.stdin)
        with cast(BufferedReader, self.process.stdout) as output:
            for raw in lines(output, self._mark.encode()):
                line, mark, message = raw.decode(errors='replace').partition(self._mark)
                if line or not mark:
                    events.put(Event(self, 'line', public_text(line)))
                if mark:
                    events.put(Event(self, 'message', json.loads(message)))
                # a worker that was asked to end must not wait for what it prints to be handled
                while events.qsize() > MOST_EVENTS and not inbox.closed:
                    time.sleep(0.01)
        # The process is waited for by `end` only: until then its number is nobody else's.
        events.put(Event(self, 'exit'))


def lines(output: BufferedReader, mark: bytes) -> Iterator[bytes]:
    """Lines as they come, without their ends; of one that is redrawn, the last state.

    A line is held in memory until it ends, but not the states that carriage returns have replaced,
    and at most `LONGEST_LINE` of it unless it has a message.

    Args:
        output: What a worker writes.
        mark: What stands before a message, which a line ends with.
    """
    rest = b''
    while chunk := output.read1(CHUNK_BYTES):
        *whole, rest = (rest + chunk).split(b'\n')
        yield from map(_last_state, whole)
        ending = rest[-1:] if rest.endswith(b'\r') else b''  # the next byte may end the line
        rest = _last_state(rest) + ending
        if len(rest) > LONGEST_LINE and mark not in rest:
            yield rest[: -len(mark)]
            rest = rest[-len(mark) :]  # the mark may have come in part
    if rest:
        yield _last_state(rest)


def _last_state(line: bytes) -> bytes:
    return line.rstrip(b'\r').rpartition(b'\r')[2]
