"""A plan for people and programs: what runs and why, as a table, JSON, or a drawing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Literal

from rastervision.pipeline.plan import Job, PlannedPipeline, Standings
from rastervision.pipeline.progress import shortened
from rastervision.pipeline.public_text import public_uri
from rastervision.pipeline.tables import aligned

Status = Literal['runs', 'up to date', 'shared']


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a pipeline, or the gather step of one.

    Attributes:
        step: Number within the plan, from 1.
        config: URI of the config of the pipeline, without credentials.
        command: The command, or the method that joins what the splits of one have written.
        status: Whether it runs; 'shared' if another pipeline runs it for this one as well.
        reason: Why, in words.
        jobs: Number of jobs that run.
        gpu: Whether it uses a GPU.
        gather: Whether it is a gather step.
        after: Numbers of the steps whose outputs it reads; of a shared one, the step that runs it.
    """

    step: int
    config: str
    command: str
    status: Status
    reason: str
    jobs: int = 0
    gpu: bool = False
    gather: bool = False
    after: tuple[int, ...] = ()


def steps(
    pipelines: Mapping[str, PlannedPipeline], jobs: Sequence[Job], states: Standings
) -> list[Step]:
    """All steps of a plan, those that are up to date as well.

    Args:
        pipelines: URI of the config -> pipeline.
        jobs: The plan.
        states: How the commands stand.
    """
    found: list[Step] = []
    ends: dict[tuple[str, str], int] = {}
    for (uri, command), state in states.items():
        config = public_uri(uri)
        own = [job for job in jobs if (job.pipeline, job.command) == (uri, command)]
        number = len(found) + 1
        gpu = command in pipelines[uri].gpu_commands
        if state.same_as is not None:
            ends[uri, command] = number
            same = ends[state.same_as, command]
            why = f'the same as step {same}'
            found.append(Step(number, config, command, 'shared', why, gpu=gpu, after=(same,)))
            continue
        after = tuple(ends[uri, name] for name in state.upstream)
        status: Status = 'runs' if own else 'up to date'
        why = state.told('nothing that it reads has changed')
        found.append(Step(number, config, command, status, why, len(own), gpu, after=after))
        method = pipelines[uri].gather_commands.get(command)
        if len(own) > 1 and method is not None:
            why = f'it joins what {len(own)} jobs write'
            found.append(Step(number + 1, config, method, 'runs', why, 1, False, True, (number,)))
        ends[uri, command] = len(found)
    return found


def as_table(plan: Sequence[Step], width: int | None = None) -> str:
    """The steps, each in a line unless that is too long, under the configs of their pipelines.

    Args:
        plan: The steps.
        width: What the lines shall fit into, None for as wide as they are.
    """
    rows = [('step', 'command', 'jobs', 'gpu', 'after', 'status', 'reason')]
    for step in plan:
        after = ', '.join(map(str, step.after)) or '-'
        gpu = 'yes' if step.gpu else '-'
        jobs = str(step.jobs or '-')
        rows.append((str(step.step), step.command, jobs, gpu, after, step.status, step.reason))
    lines = aligned(rows, width)
    text = [lines[0]]
    for config, own in groupby(plan, lambda step: step.config):
        name = config if width is None else shortened(config, width)
        text += [name, *(lines[step.step] for step in own)]
    return '\n'.join(text)


def as_json(plan: Sequence[Step]) -> str:
    """A list of steps, see `Step`."""
    return json.dumps([asdict(step) for step in plan], indent=2)


def as_dot(plan: Sequence[Step]) -> str:
    """A graph in the language of Graphviz."""

    def quoted(text: str) -> str:
        return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'

    lines = ['digraph plan {', '  rankdir=LR;', '  node [shape=box];']
    for i, (config, own) in enumerate(_by_config(plan)):
        lines += [f'  subgraph cluster_{i} {{', f'    label={quoted(config)};']
        for step in own:
            style = '' if step.status == 'runs' else ', style=dashed'
            lines.append(f'    s{step.step} [label={quoted(_label(step))}{style}];')
        lines.append('  }')
    lines += [f'  s{before} -> s{step.step};' for step in plan for before in step.after]
    return '\n'.join([*lines, '}'])


def as_mermaid(plan: Sequence[Step]) -> str:
    """A flow chart in the language of Mermaid, which GitHub and many wikis draw."""

    def quoted(text: str) -> str:
        for character, name in (('#', '35'), ('"', 'quot'), ('<', 'lt'), ('>', 'gt')):
            text = text.replace(character, f'#{name};')
        return '"' + text.replace('\n', '<br/>') + '"'

    lines = ['flowchart LR']
    for i, (config, own) in enumerate(_by_config(plan)):
        lines.append(f'  subgraph c{i}[{quoted(config)}]')
        lines += [f'    s{step.step}[{quoted(_label(step))}]' for step in own]
        lines.append('  end')
    lines += [f'  s{before} --> s{step.step}' for step in plan for before in step.after]
    if done := [f's{step.step}' for step in plan if step.status != 'runs']:
        lines += ['  classDef done stroke-dasharray: 4', f'  class {",".join(done)} done']
    return '\n'.join(lines)


FORMATS: dict[str, Callable[[Sequence[Step]], str]] = {
    'table': as_table,
    'json': as_json,
    'dot': as_dot,
    'mermaid': as_mermaid,
}


def _by_config(plan: Sequence[Step]) -> Iterator[tuple[str, list[Step]]]:
    for config, own in groupby(plan, lambda step: step.config):
        yield config, list(own)


def _label(step: Step) -> str:
    """What a drawing says of a step."""
    jobs = f' x {step.jobs}' if step.jobs > 1 else ''
    gpu = ' (GPU)' if step.gpu else ''
    why = step.reason if step.status == 'runs' else f'{step.status}: {step.reason}'
    return f'{step.command}{jobs}{gpu}\n{why}'
