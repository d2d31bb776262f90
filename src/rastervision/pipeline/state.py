"""Records of jobs, in `state/` below the root of a pipeline: what ran, when, and how it ended.

The process that carries a job out writes its record, whatever the runner. A command that was split
has a record of each split, and one of its gather step, which stands for the command as a whole.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.file_system import file_exists, file_to_json, is_local, json_to_file
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.stable_names import stable_uri
from rastervision.pipeline.fingerprint import SHARED, THREADS, Fingerprints, Stamps
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.process import GRACE_SECONDS, lives_here, this_process
from rastervision.pipeline.public_text import public_text, public_uri

Status = Literal['running', 'done', 'failed']

FOLDER = 'state'
PLAN = 'plan.json'
LOCK = 'lock.json'
INTERRUPTED = 'it was interrupted'
OUTPUT = 'RV_JOB_OUTPUT'


@dataclass(slots=True)
class Record:
    """What is known of a job.

    Attributes:
        command: The command.
        split: Index of the split; None for the command as a whole.
        num_splits: Number of splits.
        status: How far it is. 'running' is also what a process leaves that was killed.
        run: Id of the run that it is part of; None if it was started on its own.
        fingerprint: Fingerprint of the command; None if it has none, or if the splits that a gather
            step joins had another one.
        parts: What the fingerprint is made of, see `Fingerprint`.
        upstream: `stable_uri` of what it reads of other commands -> stamp.
        outputs: `stable_uri` of what it has written -> stamp, None for what has no stamp.
        started: Start, in UTC, as the clock of the host has it.
        ended: End, likewise; None while it runs.
        process: What names the machine and the process, see `process.this_process`.
        attempt: Which attempt it is, counted since the command was done or changed.
        reason: Why it failed.
        log: URI of its log, without credentials; None if none is kept.
        output: The file where its engine keeps what it printed, and why the engine ended it; None
            if the engine has told of none, in the environment variable `OUTPUT`.
    """

    command: str
    split: int | None = None
    num_splits: int = 1
    status: Status = 'running'
    run: str | None = None
    fingerprint: str | None = None
    parts: dict[str, str | None] = field(default_factory=dict)
    upstream: dict[str, str | None] = field(default_factory=dict)
    outputs: dict[str, str | None] = field(default_factory=dict)
    started: str = ''
    ended: str | None = None
    process: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    reason: str | None = None
    log: str | None = None
    output: str | None = None


_RECORD = TypeAdapter(Record)


class SharedState(NamedTuple):
    """Where the lock and the record of a command are that others may share.

    Attributes:
        uri: The folder that the command writes to; if that lies in the root of another pipeline,
            this root.
        folder: Name of the folder in it: `SHARED`; in a root, `FOLDER`.
        record: Name of the record in that one.
    """

    uri: str
    folder: str
    record: str


def state_uri(root_uri: str, name: str, folder: str = FOLDER) -> str:
    """URI of a file of the state of a pipeline, or of a folder that several share."""
    if is_local(root_uri):
        return str(to_path(root_uri) / folder / name)
    return f'{root_uri.rstrip("/")}/{folder}/{name}'


def place_of(uri: str) -> str:
    """One text for all names of a folder, such as relative paths and those through links."""
    return to_path(uri).resolve().as_posix() if is_local(uri) else uri.rstrip('/')


def record_uri(root_uri: str, command: str, split: int | None = None, num_splits: int = 1) -> str:
    """URI of a record; arguments as for `Record`."""
    suffix = '' if split is None else f'-{split + 1}-of-{num_splits}'
    return state_uri(root_uri, f'{command}{suffix}.json')


def record_uris(prints: Fingerprints, command: str) -> list[str]:
    """Where the record of a command as a whole is: below the root, and where it is shared."""
    root = prints.pipeline.config.root_uri
    uris = [record_uri(root, command)] if root else []
    shared = shared_state(prints, command)
    if shared is not None:
        uris.append(state_uri(shared.uri, f'{shared.record}.json', shared.folder))
    return uris


def shared_state(prints: Fingerprints, command: str) -> SharedState | None:
    """What others see of a command that writes to a folder which is not below the root."""
    facts = prints.facts(command)
    if facts is None or facts.folder is None:
        return None
    folder = place_of(facts.folder)
    root = prints.pipeline.config.root_uri
    if not root or f'{folder}/'.startswith(f'{place_of(root).rstrip("/")}/'):
        return None
    parent, _, name = folder.rpartition('/')
    if parent and not parent.endswith(':/'):
        plan = state_uri(parent, PLAN)
        if prints.stamps.of([plan])[plan] is not None:
            return SharedState(parent, FOLDER, name)
    return SharedState(folder, SHARED, command)


def read_json(uri: str) -> dict[str, Any] | None:
    """A file of the state; None if there is none, or it is not one of ours."""
    try:
        if not file_exists(uri, include_dir=False):
            return None
        value = file_to_json(uri)
    except RVError:  # what cannot be read is as good as not there: the command runs
        return None
    return value if isinstance(value, dict) else None


def read_record(uri: str) -> Record | None:
    """The record at a URI; None if there is none, or it is damaged."""
    try:
        return _RECORD.validate_python(read_json(uri))
    except ValidationError:
        return None


def now() -> str:
    """The time in UTC."""
    return datetime.now(UTC).isoformat(timespec='seconds')


def current_run(root_uri: str) -> str | None:
    """Id of the run that holds the lock of a root; None if there is none."""
    lock = read_json(state_uri(root_uri, LOCK))
    return None if lock is None else lock.get('run')


@contextmanager
def recorded(
    pipeline: Pipeline, command: str, split: int, num_splits: int, log: str | None = None
) -> Iterator[None]:
    """Keep the record of a job while the block carries it out.

    Args:
        pipeline: The pipeline; without a `root_uri`, no record is kept.
        command: Name of a command, or of a gather step.
        split: Index of the split.
        num_splits: Number of splits; 1 for a command that does everything itself.
        log: URI of its log.

    Raises:
        NotWritableError: The record cannot be written.
    """
    root = pipeline.config.root_uri
    if not root:
        yield
        return
    gathered = {method: name for name, method in pipeline.gather_commands.items()}
    is_whole = num_splits == 1 or command in gathered
    command = gathered.get(command, command)
    own_split = None if is_whole else split
    uri = record_uri(root, command, own_split, num_splits)
    run = current_run(root)
    record = _started(pipeline, command, _read_ended(uri, run))
    record.split, record.num_splits = own_split, num_splits
    if is_whole and num_splits > 1:
        _compare_with_splits(record, root)
    record.run, record.log = run, log and public_uri(log)
    json_to_file(asdict(record), uri)
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in {None, 0}):
            record.status, record.reason = 'failed', _reason(error)
            with suppress(RVError):  # what went wrong first is what counts
                _end(record, uri)
            raise
        _succeed(pipeline, record, uri)
        raise
    _succeed(pipeline, record, uri)


def _read_ended(uri: str, run: str | None) -> Record | None:
    """The record of the last attempt, when what has carried that out is over.

    A process whose parent was killed cleans up, and would still write beside this one. One that
    nobody can see from here is over if it was not part of `run`, which holds the lock now.
    """
    deadline = time.monotonic() + GRACE_SECONDS + 1
    while True:
        record = read_record(uri)
        if record is None or record.status != 'running' or record.process == this_process():
            return record
        alive = lives_here(record.process)
        if alive is None:
            alive = record.run == run
        if not alive or time.monotonic() > deadline:
            return record
        time.sleep(0.2)


def _started(pipeline: Pipeline, command: str, before: Record | None) -> Record:
    prints = Fingerprints(pipeline)
    fingerprint = prints.of(command)
    record = Record(
        command,
        started=now(),
        process=this_process(),
        output=os.environ.get(OUTPUT),
        upstream=prints.upstream_stamps(command),
    )
    if fingerprint is not None:
        record.fingerprint, record.parts = fingerprint.digest, fingerprint.parts
    if before is not None and before.status != 'done' and before.parts == record.parts:
        record.attempt = before.attempt + 1
    return record


def _compare_with_splits(record: Record, root: str) -> None:
    """Let the record of a gather step claim nothing that its splits may not have seen.

    They have read what they read; since then, files, options or code may have changed.
    """
    uris = [
        record_uri(root, record.command, i, record.num_splits) for i in range(record.num_splits)
    ]
    with ThreadPoolExecutor(THREADS) as threads:
        splits = list(threads.map(read_record, uris))
    for split in splits:
        if split is None:
            record.fingerprint = None
        elif (split.parts, split.upstream) != (record.parts, record.upstream):
            record.fingerprint, record.parts, record.upstream = None, split.parts, split.upstream
            return


def _succeed(pipeline: Pipeline, record: Record, uri: str) -> None:
    prints = Fingerprints(pipeline)
    facts = prints.facts(record.command)
    if facts is not None and record.split is None:
        stamps = Stamps().of(facts.outputs)
        record.outputs = {
            stable_uri(uri): stamp
            for uri, stamp in stamps.items()
            if stamp is not None or file_exists(uri)
        }
    record.status = 'done'
    _end(record, uri)
    if record.split is None:
        for copy in record_uris(prints, record.command)[1:]:
            json_to_file(asdict(record), copy)


def _end(record: Record, uri: str) -> None:
    record.ended = now()
    json_to_file(asdict(record), uri)


def _reason(error: BaseException) -> str:
    if isinstance(error, RVError):
        return str(error)
    if isinstance(error, Exception):
        return public_text(f'{type(error).__name__}: {error}')
    return INTERRUPTED
