"""The plan as a graph: complete, in order, and without cycles, for any pipelines and splits."""

from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.plan import Job, dependants, plan

NAMES = ['analyze', 'chip', 'train', 'predict', 'eval']


def pipeline(commands=NAMES, split=('chip', 'predict'), gpu=('train',), gather=None):
    return SimpleNamespace(
        commands=list(commands),
        split_commands=list(split),
        gpu_commands=list(gpu),
        gather_commands=gather or {},
    )


subsets = st.lists(st.sampled_from(NAMES), unique=True)
pipelines = st.builds(
    pipeline,
    split=subsets,
    gpu=subsets,
    gather=subsets.map(lambda names: {name: f'gather_{name}' for name in names}),
)


@given(
    pipelines=st.lists(pipelines, min_size=1, max_size=3),
    asked=subsets,
    num_splits=st.integers(1, 4),
)
def test_laws_of_the_graph(pipelines, asked, num_splits):
    by_uri = {f'config-{i}': p for i, p in enumerate(pipelines)}
    jobs = plan(by_uri, asked, num_splits)
    seen: set[str] = set()
    for job in jobs:
        assert job.after <= seen, 'a job comes after those that it waits for'
        assert job.id not in seen, 'ids are unique'
        seen.add(job.id)
        p = by_uri[job.pipeline]
        assert all(other.split('#')[0] == job.pipeline for other in job.after)
        assert job.gather == (job.command in p.gather_commands.values())
        assert job.gpu == (job.command in p.gpu_commands)
    for uri, p in by_uri.items():
        mine = [job for job in jobs if job.pipeline == uri]
        order = list(dict.fromkeys(job.command for job in mine if not job.gather))
        assert order == [name for name in NAMES if name in (asked or NAMES)]
        for name in order:
            splits = [job for job in mine if job.command == name]
            count = num_splits if name in p.split_commands else 1
            assert [(job.split, job.num_splits) for job in splits] == [
                (i, count) for i in range(count)
            ]
            gathers = [job for job in mine if job.command == p.gather_commands.get(name)]
            assert len(gathers) == (count > 1 and name in p.gather_commands)


def test_a_command_waits_for_all_splits_of_the_one_before():
    jobs = plan({'c': pipeline()}, ['train', 'chip'], 2)
    assert [(job.label, sorted(job.after)) for job in jobs] == [
        ('chip 1/2', []),
        ('chip 2/2', []),
        ('train', ['c#chip#0', 'c#chip#1']),
    ]


def test_a_gather_step_stands_between_splits_and_the_next_command():
    jobs = plan({'c': pipeline(gather={'predict': 'join'})}, ['predict', 'eval'], 2)
    assert [(job.label, sorted(job.after)) for job in jobs] == [
        ('predict 1/2', []),
        ('predict 2/2', []),
        ('join', ['c#predict#0', 'c#predict#1']),
        ('eval', ['c#join#0']),
    ]
    assert jobs[2].num_splits == 2


def test_a_command_without_split_ind_is_one_job_without_a_gather_step():
    class Base:
        commands: ClassVar = ['chip', 'predict']
        split_commands: ClassVar = ['chip', 'predict']
        gpu_commands: ClassVar = []
        gather_commands: ClassVar = {'chip': 'finish_chip', 'predict': 'finish_predict'}

        def chip(self, split_ind=0, num_splits=1): ...

        def predict(self, split_ind=0, num_splits=1): ...

    class Plugin(Base):
        def chip(self): ...

        def predict(self, **kwargs): ...

    for of in (Plugin, Plugin()):
        labels = [job.label for job in plan({'c': of}, [], 2)]
        assert labels == ['chip', 'predict 1/2', 'predict 2/2', 'finish_predict']


def test_unknown_commands_and_no_splits_are_errors():
    with pytest.raises(ConfigError, match=r"'trian'.*Did you mean train.*analyze, chip"):
        plan({'c': pipeline()}, ['trian'])
    with pytest.raises(ConfigError, match='1 or more, got 0'):
        plan({'c': pipeline()}, [], 0)


def test_dependants_are_transitive_and_stay_within_a_pipeline():
    jobs = plan({'a': pipeline(), 'b': pipeline()}, [], 2)
    lost = dependants(jobs, 'a#chip#1')
    assert [job.label for job in lost] == ['train', 'predict 1/2', 'predict 2/2', 'eval']
    assert {job.pipeline for job in lost} == {'a'}


def test_jobs_are_values():
    assert Job('a', 'b') == Job('a', 'b')
    assert len({Job('a', 'b'), Job('a', 'b')}) == 1
