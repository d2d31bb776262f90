"""Requests of processes that were forked, as data loaders do it.

The library works with threads of its own. A process that was forked after they had started has
none of them, and would wait for ever; so it starts a new process for each of its requests.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from rastervision.pipeline.errors import RVError, StageError

Class = TypeVar('Class', bound=type)
_state = {'started': False, 'forked': False}
_METHODS = (
    'file_exists',
    'read_bytes',
    'write_bytes',
    'create',
    'sync_to_dir',
    'sync_from_dir',
    'copy_to',
    'copy_from',
    'last_modified',
    'size_if_ranged',
    'stamp',
    'list_paths',
    'remove',
)
"""Methods of the file system that make requests; the others call these."""


def note_start() -> None:
    """Say that the library has threads from now on."""
    if not _state['started'] and hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=lambda: _state.update(forked=True))
    _state['started'] = True


def safe_after_fork(cls: Class) -> Class:
    """Let the methods of a file system work in forked processes, too."""
    for name in _METHODS:
        setattr(cls, name, staticmethod(_guarded(name, getattr(cls, name))))
    return cls


def _guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _state['forked']:
            return _in_new_process(name, args, kwargs)
        return method(*args, **kwargs)

    return call


def _in_new_process(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from rastervision.pipeline import rv_config_

    done = subprocess.run(  # noqa: S603 (this interpreter and this module)
        [sys.executable, '-m', __name__],
        input=pickle.dumps((rv_config_.hand_over(), name, args, kwargs)),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise StageError(f'The process for {name}{args[:1]} ended with code {done.returncode}.')
    result = pickle.loads(done.stdout)  # noqa: S301 (of our own process)
    if isinstance(result, RVError):
        raise result
    return result


def main() -> None:
    """Make the request that the parent process has written to standard input."""
    from rastervision.pipeline import rv_config_
    from rastervision.pipeline.file_system.object_store import ObjectStoreFileSystem

    settings, name, args, kwargs = pickle.load(sys.stdin.buffer)  # noqa: S301 (of the parent)
    rv_config_.take_over(settings)
    try:
        result = getattr(ObjectStoreFileSystem, name)(*args, **kwargs)
    except RVError as error:
        result = error
    sys.stdout.buffer.write(pickle.dumps(result))


if __name__ == '__main__':
    main()
