"""What the `dask` runner tells its jobs; runs are in tests/integration/test_dask_runner.py."""

import pytest

from rastervision.pipeline import rv_config_
from rastervision.pipeline.config import save_pipeline_config
from rastervision.runners.dask_runner import travelling_settings


@pytest.fixture
def profile(tmp_path):
    """Settings of a profile and of the command line."""
    (tmp_path / 'mine').write_text('[aws_s3]\nendpoint_url = https://minio\nprofile = secret\n')
    rv_config_.set_everett_config('mine', str(tmp_path), {'RV_CACHE_GB': '5'})
    rv_config_.set_tmp_dir_root(str(tmp_path))
    yield
    rv_config_.set_tmp_dir_root()
    rv_config_.set_everett_config()


@pytest.mark.usefixtures('profile')
def test_other_machines_get_what_travels_and_have_their_own_folders(scripted):
    config = scripted.config('out')
    uri = str(scripted.folder / 'config.json')
    save_pipeline_config(config, uri)
    assert travelling_settings(uri) == {
        'profile': None,
        'rv_home': None,
        'tmp_dir_root': None,
        'verbosity': rv_config_.get_verbosity(),
        'overrides': {'AWS_S3_ENDPOINT_URL': 'https://minio', 'RV_CACHE_GB': '5'},
    }
