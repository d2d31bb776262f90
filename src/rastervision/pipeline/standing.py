"""Which commands are up to date, and why the others have to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import file_exists
from rastervision.pipeline.file_system.stable_names import stable_uri
from rastervision.pipeline.fingerprint import Fingerprint, Fingerprints, Stamps
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Standing, Standings, in_order
from rastervision.pipeline.state import INTERRUPTED, Record, read_record, record_uris

NEVER_RUN = 'it has not run yet'
RUNS = ' runs'
UNKNOWN = 'nobody knows what'


def standings(
    pipelines: Mapping[str, Pipeline],
    commands: Sequence[str] = (),
    rerun: bool = False,
    share: bool = True,
) -> Standings:
    """Find out which commands have to run.

    A command is up to date if its record says that it is done with the fingerprint that it has
    now, and if what it read of other commands and what it wrote are as they were then. A command
    that nobody knows enough about has to run, and so has one that reads what such a command, or
    any other that has to run, writes.

    Args:
        pipelines: URI of the config -> pipeline.
        commands: The commands that are asked for; all if empty. Others count as if they were done.
        rerun: Whether these have to run in any case.
        share: Whether a command that several pipelines have in common is run by one for all.

    Raises:
        ConfigError: Two pipelines would write to the same place what nobody knows to be the same,
            or a pipeline lacks a command.
    """
    found: dict[tuple[str, str], Standing] = {}
    stamps = Stamps()
    writers: dict[str, _Writer] = {}
    for uri, pipeline in pipelines.items():
        prints = Fingerprints(pipeline, stamps)
        asked = in_order(pipeline, commands)
        for command in asked:
            upstream = tuple(_waits_for(prints, command, asked))
            same = _same(writers, _Writer.of(prints, uri, command))
            same = same if share else None
            if same is not None:
                reason = found[same, command].reason
            elif rerun:
                reason = '--rerun asks for it'
            else:
                runs = [c for c in upstream if found[uri, c].reason is not None]
                reason = f'{runs[0].upper()}{RUNS}' if runs else _reason(prints, command)
            outdated = tuple(
                name
                for name in prints.upstream(command)
                if name not in asked and _is_outdated(prints, name)
            )
            found[uri, command] = Standing(reason, upstream, same, outdated)
    return found


def _is_outdated(prints: Fingerprints, command: str) -> bool:
    """Whether a command that is not asked for has run, but would write something else now."""
    fingerprint = prints.of(command)
    if fingerprint is None or fingerprint.digest is None:
        return False
    return _reason(prints, command) not in {None, NEVER_RUN}


def _waits_for(prints: Fingerprints, command: str, asked: Sequence[str]) -> list[str]:
    """The commands asked for that a command needs, those in between that are not asked for."""
    needed: list[str] = []
    for name in prints.upstream(command):
        needed += [name] if name in asked else _waits_for(prints, name, asked)
    return list(dict.fromkeys(needed))


def report(states: Standings) -> list[str]:
    """What to tell of a plan: a line for each command; nothing if there is nothing to compare."""
    own = {key: state for key, state in states.items() if state.same_as is None}
    if all(state.reason is not None and _is_new(state.reason) for state in own.values()):
        return []
    several = len({uri for uri, _ in own}) > 1
    lines = []
    for (uri, command), state in own.items():
        name = f'{command} of {uri}' if several else command
        verb = 'is' if state.reason is None else 'runs:'
        lines.append(f'{name} {verb} {state.told("up to date")}')
    return lines


def outdated(pipeline: Pipeline, commands: Sequence[str] = ()) -> dict[str, str]:
    """Commands that have run, but whose results are not what they would write now, and why.

    Those of which nobody can tell are left out.

    Args:
        pipeline: The pipeline.
        commands: The commands that are asked for; all if empty.
    """
    found: dict[str, str] = {}
    prints = Fingerprints(pipeline)
    for (_, command), state in standings({'': pipeline}, commands).items():
        fingerprint = prints.of(command)
        if state.reason is None or fingerprint is None or fingerprint.digest is None:
            continue
        has_run = any(map(read_record, record_uris(prints, command)))
        follows = state.reason.endswith(RUNS)  # from what is not up to date itself
        if has_run and (not follows or any(name in found for name in state.upstream)):
            found[command] = state.reason
    return found


def _is_new(reason: str) -> bool:
    return reason == NEVER_RUN or reason.startswith(UNKNOWN) or reason.endswith(RUNS)


@dataclass(frozen=True, slots=True)
class _Writer:
    """A command that writes to some places."""

    uri: str
    command: str
    likeness: str | None
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, prints: Fingerprints, uri: str, command: str) -> '_Writer':
        """A command; it is like no other one if nobody knows all that it reads."""
        facts, fingerprint = prints.facts(command), prints.of(command)
        likeness = None if fingerprint is None else fingerprint.likeness
        return cls(uri, command, likeness, () if facts is None else facts.outputs)


def _same(writers: dict[str, _Writer], new: _Writer) -> str | None:
    """The pipeline that has the same command with the same outputs, if there is one."""
    for output in new.outputs:
        other = writers.setdefault(output, new)
        if other is new:
            continue
        is_known = new.likeness is not None
        if is_known and (other.likeness, other.outputs) == (new.likeness, new.outputs):
            return other.uri
        why = (
            'with different options or inputs, such as the statistics of another folder'
            if is_known
            else 'and nobody can tell whether it is the same'
        )
        raise ConfigError(
            f'{other.command.upper()} of {other.uri} and {new.command.upper()} of {new.uri} would '
            f'both write {stable_uri(output)}, {why}; give each a {new.command}_uri of its own, or '
            'the same inputs.'
        )
    return None


def _reason(prints: Fingerprints, command: str) -> str | None:
    """Why a command has to run of which nothing that it waits for runs; None if it has not."""
    facts, fingerprint = prints.facts(command), prints.of(command)
    if facts is None:
        return f'{UNKNOWN} it reads'
    if fingerprint is None:
        unknown = next(c for c in prints.upstream(command) if prints.of(c) is None)
        return f'{UNKNOWN} {unknown.upper()} reads'
    reasons = [
        _why_outdated(prints, command, fingerprint, read_record(uri))
        for uri in record_uris(prints, command)
    ]
    return None if None in reasons else reasons[0]


def _why_outdated(
    prints: Fingerprints, command: str, fingerprint: Fingerprint, record: Record | None
) -> str | None:
    if record is None:
        return NEVER_RUN
    if record.status != 'done':
        is_failure = record.status == 'failed' and record.reason != INTERRUPTED
        return 'it failed' if is_failure else INTERRUPTED
    if fingerprint.digest is None or fingerprint.digest != record.fingerprint:
        return fingerprint.change_since(record.parts)
    facts = prints.facts(command)
    uris = {stable_uri(uri): uri for uri in facts.outputs} if facts else {}
    outputs = prints.stamps.of(uris.get(name, name) for name in record.outputs)
    for name, stamp in record.outputs.items():
        uri = uris.get(name, name)
        if outputs[uri] is None and not file_exists(uri):
            return f'its output {name} is missing'
        if outputs[uri] != stamp:
            return f'its output {name} was changed'
    now, then = prints.upstream_stamps(command), record.upstream
    changed = [uri for uri in {**now, **then} if now.get(uri) != then.get(uri)]
    return f'{changed[0]} changed' if changed else None
