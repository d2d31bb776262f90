from pathlib import Path

import pytest

from rastervision.pipeline.config import Config
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig


def test_every_command_is_a_method() -> None:
    assert Pipeline.commands == ['test_cpu', 'test_gpu']
    assert {*Pipeline.split_commands, *Pipeline.gpu_commands} == set(Pipeline.commands)
    assert all(callable(getattr(Pipeline, name)) for name in Pipeline.commands)


def test_the_base_pipeline_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = PipelineConfig(root_uri=str(tmp_path)).build(str(tmp_path))
    assert pipeline.config.root_uri == str(tmp_path)
    assert pipeline.tmp_dir == str(tmp_path)
    pipeline.test_cpu(split_ind=1, num_splits=3)
    pipeline.test_gpu()
    assert capsys.readouterr().out == 'test_cpu split 2/3\ntest_gpu\n'
    assert not pipeline.summary()


def test_metadata_is_no_part_of_the_plain_serialised_form() -> None:
    cfg = PipelineConfig(root_uri='/r')
    assert cfg.to_dict() == {'type_hint': 'pipeline', 'root_uri': '/r'}
    with_metadata = cfg.to_dict(with_rv_metadata=True)
    assert with_metadata.keys() == {'type_hint', 'root_uri', 'rv_config', 'plugin_versions'}
    loaded = Config.from_dict(with_metadata)
    assert isinstance(loaded, PipelineConfig)
    assert loaded.plugin_versions == {'rastervision.pipeline': 0}
    assert loaded.to_dict() == cfg.to_dict()


def test_settings_travel_with_a_pipeline_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PLUGINS_MODULES', 'os.path')
    with_metadata = PipelineConfig().to_dict(with_rv_metadata=True)
    assert with_metadata['rv_config'] == {'PLUGINS_MODULES': 'os.path'}
    assert Config.from_dict(with_metadata).rv_config == {'PLUGINS_MODULES': 'os.path'}
