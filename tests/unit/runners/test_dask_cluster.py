"""The cluster of the `dask` runner, without a cluster."""

import sys

import pytest

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.runner.gpus import VISIBLE
from rastervision.runners import dask_cluster
from rastervision.runners.dask_cluster import connected, gpu_options
from rastervision.runners.dask_settings import DaskSettings


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'distributed', None)
    with (
        pytest.raises(ConfigError, match=r'pip install "rastervision\[dask\]"'),
        connected(DaskSettings(), 'run', 1, []),
    ):
        pass


@pytest.mark.parametrize(
    ('gpus', 'size', 'expected'),
    [
        ([], 2, [None, None]),
        (['GPU-a'], 2, [{}, None]),
        (['GPU-a', 'GPU-b'], 1, [{}]),
        (['GPU-a', 'GPU-b'], 3, [{VISIBLE: 'GPU-a'}, {VISIBLE: 'GPU-b'}, None]),
    ],
)
def test_workers_of_this_machine_share_its_gpus(gpus, size, expected):
    options = [gpu_options(gpus, worker, size) for worker in range(size)]
    assert [o.get('env') for o in options] == expected
    assert [o.get('resources') for o in options] == [
        None if env is None else {dask_cluster.GPU: 1} for env in expected
    ]
