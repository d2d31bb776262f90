"""A pipeline that writes text made of what it reads, and tells all that it reads and writes."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from rastervision.pipeline import registry_
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.fingerprint import CommandFacts
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.plan import Job, plan
from rastervision.pipeline.runner.runner import PlanRunner
from rastervision.pipeline.standing import standings
from rastervision.pipeline.state import recorded

_times = count(1_700_000_000_000_000_000)


def write(path: Path, text: str) -> None:
    """Write a file that has another time of change than any before, however fast this runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    time = next(_times)
    os.utime(path, ns=(time, time))


@register_config('test_kitchen')
class KitchenConfig(PipelineConfig):
    """`recipes`: command -> what it adds to what it reads."""

    recipes: dict[str, str] = Field({'mix': 'flour', 'bake': 'hot', 'fry': 'oil', 'serve': 'tea'})
    pantry: str = ''
    mix_uri: str = ''


class Kitchen(Pipeline):
    """mix reads the pantry; bake and fry what mix writes; serve what bake writes."""

    commands: ClassVar = ['mix', 'bake', 'fry', 'serve']
    split_commands: ClassVar = ['bake']
    gather_commands: ClassVar = {'bake': 'join'}
    gpu_commands: ClassVar = []
    upstream: ClassVar = {'mix': (), 'bake': ('mix',), 'fry': ('mix',), 'serve': ('bake',)}
    unknown: ClassVar[set[str]] = set()
    failing: ClassVar[set[str]] = set()

    def folder(self, command: str) -> str:
        own = self.config.mix_uri if command == 'mix' else ''
        return own or f'{self.config.root_uri}/{command}'

    def output(self, command: str) -> Path:
        return Path(self.folder(command), f'{command}.txt')

    def command_facts(self, command: str) -> CommandFacts | None:
        if command in self.unknown:
            return None
        return CommandFacts(
            {'recipe': self.config.recipes[command]},
            (self.config.pantry,) if command == 'mix' else (),
            self.upstream[command],
            (str(self.output(command)),),
            self.folder(command),
        )

    def expected(self, command: str) -> str:
        """What a command is to write, by what is read from outside alone."""
        read = [self.expected(name) for name in self.upstream[command]]
        if command == 'mix':
            read.append(Path(self.config.pantry).read_text())
        return f'{command}({self.config.recipes[command]}: {", ".join(read)})'

    def cook(self, command: str) -> None:
        if command in self.failing:
            raise DataError('the oven is cold')
        read = [self.output(name).read_text() for name in self.upstream[command]]
        if command == 'mix':
            read.append(Path(self.config.pantry).read_text())
        write(self.output(command), f'{command}({self.config.recipes[command]}: {", ".join(read)})')

    @classmethod
    def make(cls, folder: Path, root: str = 'root', **fields: Any) -> 'Kitchen':
        """A pipeline with a root below a folder, and with fields of its config."""
        pantry = folder / 'pantry.txt'
        if not pantry.exists():
            write(pantry, 'eggs')
        config = KitchenConfig(**{'root_uri': f'{folder}/{root}', 'pantry': str(pantry), **fields})
        return cls(config, str(folder))

    def do(self, job: Job) -> None:
        """Carry out a job and keep its record."""
        args = {'split_ind': job.split, 'num_splits': job.num_splits}
        if job.gather or job.num_splits == 1:
            args.pop('split_ind')
        with recorded(self, job.command, job.split, job.num_splits):
            getattr(self, job.command)(**(args if job.num_splits > 1 else {}))

    def mix(self) -> None:
        self.cook('mix')

    def bake(self, split_ind: int = 0, num_splits: int = 1) -> None:
        if num_splits == 1:
            self.cook('bake')

    def join(self, num_splits: int) -> None:
        self.cook('bake')

    def fry(self) -> None:
        self.cook('fry')

    def serve(self) -> None:
        self.cook('serve')

    def run(self, *commands: str, num_splits: int = 1, rerun: bool = False) -> list[str]:
        """Run what is not up to date, and return the labels of the jobs."""
        return run_all([self], *commands, num_splits=num_splits, rerun=rerun)


def run_all(
    kitchens: list[Kitchen], *commands: str, num_splits: int = 1, rerun: bool = False
) -> list[str]:
    """Run what is not up to date of several pipelines, and return the labels of the jobs."""
    by_uri = {f'{k.config.root_uri}/pipeline-config.json': k for k in kitchens}
    jobs = plan(by_uri, commands, num_splits, standings(by_uri, commands, rerun))
    done: set[str] = set()
    for job in jobs:
        assert job.after <= done
        by_uri[job.pipeline].do(job)
        done.add(job.id)
    return [job.label for job in jobs]


@pytest.fixture
def kitchen(tmp_path: Path) -> Callable[..., Kitchen]:
    """Return a function that makes a pipeline, see `Kitchen.make`."""
    return partial(Kitchen.make, tmp_path)


@pytest.fixture(name='write')
def write_fixture() -> Callable[[Path, str], None]:
    """See `write`."""
    return write


@pytest.fixture(name='run_all')
def run_all_fixture() -> Callable[..., list[str]]:
    """See `run_all`."""
    return run_all


class Cook(PlanRunner):
    """Does the jobs in this process; `during` is called before each of them."""

    on_this_machine = True
    during: ClassVar = staticmethod(lambda job: None)
    left: ClassVar[tuple[str, ...]] = ()
    plans: ClassVar[list[list[str]]] = []

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Any],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        self.plans.append([job.label for job in jobs])
        for job in jobs:
            self.during(job)
            pipelines[job.pipeline].do(job)

    def engine_jobs(self) -> tuple[str, ...]:
        return self.left

    def is_running(self, engine_jobs: Sequence[str]) -> bool:
        return 'running' in engine_jobs


@pytest.fixture
def cook(monkeypatch: pytest.MonkeyPatch) -> type[Cook]:
    """The class of the runner 'cook', for one test."""
    cls = type('Cook', (Cook,), {'plans': []})
    monkeypatch.setattr(registry_, 'get_runner', lambda name: cls)
    return cls
