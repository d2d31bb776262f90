"""Fingerprints: what decides the result of a command, known before anything has run."""

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.code_files import code_digests
from rastervision.pipeline.config_model import walk
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.file_system.local_file_system import files_below, to_path
from rastervision.pipeline.file_system.stable_names import stable, stable_uri
from rastervision.pipeline.file_system.utils import is_local

if TYPE_CHECKING:
    from rastervision.pipeline.pipeline import Pipeline

log = logging.getLogger(__name__)

THREADS = 16
"""Remote files that are asked for at the same time."""
SHARED = '.state'
"""Folder for lock and record in a folder that several pipelines share; no part of its content."""


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What a command of a pipeline reads and writes.

    Attributes:
        config: The part of the config that it reads, as JSON; the keys are names for people, who
            are told which of them has changed.
        inputs: URIs that it reads from outside of the pipeline: images, labels, weights.
        upstream: Commands of the pipeline whose outputs it reads.
        outputs: The main files and folders that it writes.
        folder: The folder that it writes to. If it is not below the `root_uri` of the pipeline,
            others may share it: they find a copy of the record in it, in `.state/`.
    """

    config: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What decides the result of a command, part by part.

    Attributes:
        parts: Name for people, such as a field or a file -> what changes when it changes; None if
            nobody can tell.
        likeness: What two commands have in common that do the same, at one time: also if nobody can
            tell whether what they read, which is the same, has changed since.
    """

    parts: dict[str, str | None]
    likeness: str = ''

    @property
    def digest(self) -> str | None:
        """One text for all parts; None if nobody can tell whether one of them has changed."""
        return None if None in self.parts.values() else digest(self.parts)

    def change_since(self, old: Mapping[str, str | None]) -> str:
        """What is different from the parts of an older fingerprint, in words."""
        new = self.parts
        for name, value in new.items():
            if value is None:
                return f'nobody can tell whether {name} changed'
        for name in [*new, *old]:
            if name not in old:
                return f'{name} is new'
            if name not in new:
                return f'{name} is gone'
            if new[name] != old[name]:
                return f'{name} changed'
        return 'something may have changed while it ran'


class Stamps:
    """Stamps of files and folders, each looked up once; see `FileSystem.stamp`."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, uris: Iterable[str]) -> dict[str, str | None]:
        """URI -> stamp, in order; None where there is nothing, or nobody can tell."""
        uris = list(dict.fromkeys(uris))
        unknown = [uri for uri in uris if uri not in self._known]
        remote = [uri for uri in unknown if '://' in uri]
        if remote:
            with ThreadPoolExecutor(THREADS) as threads:
                self._known |= dict(zip(remote, threads.map(_stamp, remote), strict=True))
        self._known |= {uri: _stamp(uri) for uri in unknown if uri not in self._known}
        return {uri: self._known[uri] for uri in uris}


def _stamp(uri: str) -> str | None:
    try:
        if is_local(uri) and to_path(uri).is_dir():
            folder = to_path(uri)
            files = sorted(f for f in files_below(folder) if f.parent != folder / SHARED)
            return digest([(f.relative_to(folder).as_posix(), _stamp(str(f))) for f in files])
        return FileSystem.get_file_system(uri).stamp(uri)
    except (RVError, OSError, ValueError):  # ValueError: text that is no path, such as a VRT
        return None


class Fingerprints:
    """Facts and fingerprints of the commands of a pipeline, each found out once.

    A command of which nobody knows what it reads has none, and neither has one that comes after it
    in the pipeline, since it may read what that one writes.

    Args:
        pipeline: The pipeline.
        stamps: Where to look up stamps.
    """

    def __init__(self, pipeline: 'Pipeline', stamps: Stamps | None = None) -> None:
        self.pipeline = pipeline
        self.stamps = stamps or Stamps()
        self._facts: dict[str, CommandFacts | None] = {}
        self._prints: dict[str, Fingerprint | None] = {}
        self._code: dict[str, str | None] | None = None

    def facts(self, command: str) -> CommandFacts | None:
        """What a command reads and writes; None if nobody knows."""
        if command not in self._facts:
            try:
                self._facts[command] = self.pipeline.command_facts(command)
            except RVError as error:  # an input cannot be read from here
                log.debug('Nobody knows what %s reads: %s', command.upper(), error)
                self._facts[command] = None
        return self._facts[command]

    def upstream(self, command: str) -> list[str]:
        """The commands whose outputs a command reads, or may read, in the order of the pipeline."""
        commands = self.pipeline.commands
        earlier = commands[: commands.index(command)]
        facts = self.facts(command)
        if facts is None:
            return earlier
        return [name for name in earlier if name in facts.upstream or self.facts(name) is None]

    def of(self, command: str) -> Fingerprint | None:
        """The fingerprint of a command; None if it has none."""
        if command not in self._prints:
            self._prints[command] = self._make(command)
        return self._prints[command]

    def upstream_stamps(self, command: str) -> dict[str, str | None]:
        """Stamps of the outputs that a command reads, as far as they are there now."""
        facts = [self.facts(name) for name in self.upstream(command)]
        stamps = self.stamps.of(uri for fact in facts if fact for uri in fact.outputs)
        return _by_name({uri: stamp for uri, stamp in stamps.items() if stamp is not None})

    def _make(self, command: str) -> Fingerprint | None:
        facts = self.facts(command)
        if facts is None:
            return None
        before: dict[str, Fingerprint] = {}
        for name in self.upstream(command):
            fingerprint = self.of(name)
            if fingerprint is None:
                return None
            before[name.upper()] = fingerprint
        parts: dict[str, str | None] = {'command': command}
        parts['the version of Raster Vision'] = version('rastervision')
        parts |= {name: digest(stable(value)) for name, value in facts.config.items()}
        parts |= _by_name(self.stamps.of(facts.inputs))
        parts |= self._code_digests()
        return Fingerprint(
            parts | {name: fingerprint.digest for name, fingerprint in before.items()},
            digest(parts | {name: fingerprint.likeness for name, fingerprint in before.items()}),
        )

    def _code_digests(self) -> dict[str, str | None]:
        if self._code is None:
            classes = {type(part) for _, part in walk(self.pipeline.config)}
            self._code = code_digests({type(self.pipeline), *classes})
        return self._code


def _by_name(stamps: Mapping[str, str | None]) -> dict[str, str | None]:
    """Stamps by the names of files, which have no signatures; several URIs may share a name."""
    found: dict[str, list[str | None]] = {}
    for uri, stamp in stamps.items():
        found.setdefault(stable_uri(uri), []).append(stamp)
    return {name: _joined([*dict.fromkeys(of_name)]) for name, of_name in found.items()}


def _joined(stamps: list[str | None]) -> str | None:
    if len(stamps) == 1:
        return stamps[0]
    return None if None in stamps else digest(stamps)


def digest(value: Any) -> str:
    """A short text that changes when a value, made of what JSON knows, changes.

    Whole numbers are the same with and without a decimal point: one may become the other when a
    config is written and read.
    """
    text = json.dumps(_plain(value), sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
