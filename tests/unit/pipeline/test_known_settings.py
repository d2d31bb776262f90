"""Settings that nothing reads are told of; what Raster Vision itself reads is known."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rastervision.aws_batch import settings as batch_settings
from rastervision.aws_batch.client import BatchClient
from rastervision.core.data.raster_source import streaming
from rastervision.pipeline import registry_, rv_config_
from rastervision.pipeline.cli import main
from rastervision.pipeline.file_system import cache
from rastervision.pipeline.file_system.object_store import aws, azure, google
from rastervision.pipeline.known_settings import KNOWN, warn_of_unknown_settings
from rastervision.runners import slurm_runner, slurm_settings
from rastervision.runners.dask_settings import DaskSettings


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile of a user, and nothing else with settings."""
    for name in ('RV_CONFIG', 'RV_PROFILE'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('RV_CONFIG_DIR', str(tmp_path))
    monkeypatch.setattr(rv_config_, '_files', None)
    return tmp_path / 'default'


def told(profile: Path, text: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings about a profile, without its path."""
    profile.write_text(text)
    warn_of_unknown_settings()
    return [record.getMessage().removeprefix(f'{profile}: ') for record in caplog.records]


@pytest.mark.parametrize(
    ('text', 'warnings'),
    [
        (
            '[slurm]\npartitoin = x\n',
            ['[slurm] has no setting partitoin. Did you mean partition or gpu_partition or '],
        ),
        ('[bathc]\na = 1\nb = 2\n', ['nothing reads the section [bathc]. Did you mean [batch]?']),
        (
            '[BATCH]\nGPU_JOB_QUUE = x\ngpu_job_def = y\n',
            ['[BATCH] has no setting gpu_job_quue. Did you mean gpu_job_queue or '],
        ),
        ('[gcs]\nzzz = 1', ['[gcs] has no setting zzz. It has: anonymous, endpoint_url, ']),
        ('[plugins]\nfiles=\n[rv]\ntmp_dir=x\n[dask]\nworkers = 2\n', []),
        ('[my_plugin]\nkey = 1\n[MODEL]\nx = 2\n[aws]\nregion = x\n', []),
        ('[DEFAULT]\nhome = /x\n[slurm]\nmem = 8G\n', []),
    ],
)
def test_what_nothing_reads_is_told(
    profile: Path, caplog: pytest.LogCaptureFixture, text: str, warnings: list[str]
) -> None:
    found = told(profile, text, caplog)
    assert len(found) == len(warnings)
    for message, start in zip(found, warnings, strict=True):
        assert message.startswith(start)


def test_settings_of_plugins_are_known(
    profile: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_, 'rv_config_schema', {'BATCHES': ['x'], 'Batch': ['Image']})
    assert told(profile, '[batches]\nx = 1\n[batch]\nimage = 2\n', caplog) == []


def test_every_command_tells_but_jobs(profile: Path, tmp_path: Path) -> None:
    profile.write_text('[slurm]\nmen = 8G\n')
    message = f'Warning: {profile}: [slurm] has no setting men. Did you mean mem'
    cli = CliRunner()
    assert message in cli.invoke(main, ['status', str(tmp_path)]).stderr
    assert message not in cli.invoke(main, ['run_command', str(tmp_path / 'no.json'), 'x']).stderr
    assert message not in cli.invoke(main, ['--help']).output


def test_what_is_read_is_known_and_nothing_else_is(
    no_clouds: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = set()

    def look_up(name: str) -> str | None:
        names.add(name)
        return str(tmp_path) if name.endswith('_DIR') else None

    monkeypatch.delenv('TMPDIR', raising=False)
    monkeypatch.setattr(rv_config_, '_lookup', look_up)
    monkeypatch.setattr(rv_config_, '_tmp_dir_root', None)
    cache.cache_dir()
    cache._max_bytes()
    streaming._may_stream()
    rv_config_.get_tmp_dir_root()
    list(registry_.loader.sources())
    with pytest.raises(PermissionError):
        aws.bucket_config('b')
    google.bucket_config()
    azure.container_config('c', 'account')
    with pytest.raises(ValueError, match='storage account'):
        azure.container_config('c', '')
    DaskSettings.read()
    slurm_settings.job_settings(gpu=True)
    slurm_runner._folder(str(tmp_path / 'x.json'), 'run')
    batch_settings.attempts()
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'eu-west-1')
    BatchClient()
    for kind in ('cpu', 'gpu'):
        for key in ('job_queue', 'job_def'):  # they have no default
            names.add(f'BATCH_{kind}_{key}'.upper())
    known = {f'{section}_{key}'.upper() for section, keys in KNOWN.items() for key in keys}
    assert names == known
