"""Section [dask] of the settings."""

import pytest

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError
from rastervision.runners import dask_settings
from rastervision.runners.dask_settings import DaskSettings


@pytest.fixture
def read():
    """Return a function that reads the section with the given values."""

    def settings(**values):
        overrides = {f'DASK_{key}': value for key, value in values.items()}
        rv_config_.set_everett_config(config_overrides=overrides)
        return DaskSettings.read()

    yield settings
    rv_config_.set_everett_config()


def test_without_settings_workers_of_this_machine_are_meant(read):
    assert read() == DaskSettings()
    assert read().is_this_machine


def test_values_are_read(read):
    settings = read(
        cluster='dask_jobqueue.SLURMCluster',
        cluster_options='{"cores": 4, "job_extra_directives": ["--exclusive"]}',
        workers='8',
        retries='0',
    )
    assert settings.cluster_options == {'cores': 4, 'job_extra_directives': ['--exclusive']}
    assert (settings.workers, settings.retries) == (8, 0)
    assert settings.timeout is None, 'a queue takes as long as it takes'
    assert not settings.is_this_machine
    assert read(address='tcp://host:8786', timeout='2.5').timeout == 2.5


def test_there_are_as_many_workers_as_splits_unless_told_otherwise(read, monkeypatch):
    monkeypatch.setattr(dask_settings, 'cpu_count', lambda: 4)
    assert [read().size(splits) for splits in (1, 3, 99)] == [1, 3, 4]
    assert read(cluster='a.B').size(99) == 99
    assert read(workers='7').size(1) == read(cluster='a.B', workers='7').size(99) == 7


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'cluster_options': '["cores"]'}, 'DASK_CLUSTER_OPTIONS .* must be a JSON object'),
        ({'cluster_options': '{cores: 4}'}, 'DASK_CLUSTER_OPTIONS has the value'),
        ({'workers': '0'}, 'DASK_WORKERS .* 1 or more'),
        ({'retries': '-1'}, 'DASK_RETRIES .* not be negative'),
        ({'timeout': 'long'}, 'DASK_TIMEOUT'),
        ({'address': 'tcp://a:1', 'cluster': 'b.C'}, 'both an address .* and a cluster'),
    ],
)
def test_values_that_cannot_be_used_are_named(read, values, message):
    with pytest.raises(ConfigError, match=message):
        read(**values)
