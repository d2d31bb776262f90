"""The main function of a worker process of the local runner.

The parent writes one JSON object per line to its standard input: first the `Setup`, then jobs, each
when the last one is done. Everything that a job prints, native libraries included, goes to standard
output, which the parent reads line by line. A line that starts with the mark of the set-up is a
message to the parent: the state of a progress bar, or the end of the job.

The end of the standard input, be it because the parent closes it or because the parent is dead,
ends the worker and all its descendants, in the middle of a job as well.
"""

import _thread
import atexit
import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import IO, Any

from rastervision.pipeline import progress, rv_config_
from rastervision.pipeline.code_files import import_root
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.logs import log_to_stderr
from rastervision.pipeline.plugins import importable, load_file
from rastervision.pipeline.process import GRACE_SECONDS
from rastervision.pipeline.public_text import public_text
from rastervision.pipeline.runner.execute import execute_config
from rastervision.pipeline.verbosity import Verbosity

Message = dict[str, Any]


class Stopped(BaseException):
    """The parent wants this worker to end, or is gone."""


@dataclass
class _State:
    """What the signal handler needs to know."""

    pid: int
    leaving: bool = False


def main() -> None:
    """Carry out jobs until the standard input ends or a job fails."""
    state = _State(os.getpid())
    inbox = os.fdopen(os.dup(0), encoding='utf-8')
    with open(os.devnull) as nothing:  # noqa: PTH123 (a file descriptor is wanted)
        os.dup2(nothing.fileno(), 0)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding='utf-8', errors='backslashreplace', line_buffering=True)  # type: ignore[union-attr]
    setup = json.loads(inbox.readline())
    sys.path += [path for path in setup['sys_path'] if path not in sys.path]
    rv_config_.take_over(setup['settings'])
    log_to_stderr()
    mark = setup['mark']
    if setup['bars']:
        progress.forward_to(lambda task, end: _tell(mark, task=asdict(task), finished=end))
    signal.signal(signal.SIGTERM, partial(_stop, state))
    jobs: SimpleQueue[Message | None] = SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, jobs), daemon=True).start()
    try:
        while (job := jobs.get()) is not None:
            failure = _run(job)
            _free_memory()
            _tell(mark, end=True, failure=failure)
            if failure is not None:
                break
    except Stopped:
        pass
    state.leaving = True


def _run(job: Message) -> Message | None:
    """Run one job; None if it went well, else what to tell of the failure."""
    try:
        import_modules(job['modules'])
        execute_config(job['config'], job['command'], job['split'], job['num_splits'], job['log'])
    except RVError as error:
        detail = rv_config_.get_verbosity() >= Verbosity.VERY_VERBOSE
        text = public_text(traceback.format_exc() if detail else f'Error: {error}')
        return {'reason': str(error), 'detail': text, 'explained': not detail}
    except SystemExit as error:
        if error.code in {None, 0}:
            return None
        return _unexplained(f'exit code {error.code}')
    except Exception as error:  # noqa: BLE001 (told to the parent)
        return _unexplained(f'{type(error).__name__}: {error}')
    return None


def _unexplained(reason: str) -> Message:
    detail = public_text(traceback.format_exc())
    return {'reason': public_text(reason), 'detail': detail, 'explained': False}


def import_modules(modules: Iterable[tuple[str, str | None]]) -> None:
    """Import modules that register config classes, by name or else from their files."""
    for name, path in modules:
        if _imports(name) or not path:
            continue
        if is_local(path):  # found by who planned the job in a folder that is not on our path
            importable(import_root(name, Path(path)))
        if not _imports(name):
            load_file(path)


def _imports(name: str) -> bool:
    """Whether a module can be imported by its name."""
    if name == '__main__':
        return False
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _free_memory() -> None:
    """Give back what the job no longer needs, so that an idle worker holds no GPU memory."""
    gc.collect()
    torch = sys.modules.get('torch')
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _tell(mark: str, **message: Any) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, f'{mark}{json.dumps(message)}\n'.encode())


def _stop(state: _State, signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler)
    """Break off the job; processes that it forked end as they would without this handler."""
    if os.getpid() != state.pid:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    elif not state.leaving:
        state.leaving = True  # an engine and the parent may both tell it
        # What is raised in a destructor is lost, and threads of the job may keep the process alive.
        # Not by `threading`, whose lock the code that is interrupted may hold.
        _thread.start_new_thread(_end_group_in_time, ())
        raise Stopped


def _listen(inbox: IO[str], jobs: 'SimpleQueue[Message | None]') -> None:
    """Hand on the parent's jobs; at the end of the input, stop what is running."""
    for line in inbox:
        jobs.put(json.loads(line))
    jobs.put(None)
    atexit.register(_end_group)
    if sys.platform == 'win32':
        _thread.interrupt_main(signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)
    os.kill(os.getpid(), signal.SIGTERM)
    _end_group_in_time()


def _end_group_in_time() -> None:
    time.sleep(GRACE_SECONDS)
    _end_group()


def _end_group() -> None:
    """End this process and all that jobs have started and left behind."""
    if sys.platform != 'win32':
        os.killpg(0, signal.SIGKILL)
