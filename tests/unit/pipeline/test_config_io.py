"""Configs in files, and those of older versions."""

import json
from pathlib import Path
from typing import Any

import pytest
from unit.pipeline.shapes import Circle, Group, ShapesPipelineConfig

from rastervision.pipeline import registry_
from rastervision.pipeline.config import (
    Config,
    register_config,
    save_pipeline_config,
    upgrade_config,
    upgrade_plugin_versions,
)
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.pipeline import PipelineConfig


def test_files(tmp_path: Path) -> None:
    uri = str(tmp_path / 'Größe 1' / 'config.json')
    cfg = ShapesPipelineConfig(root_uri='/r', required=Circle(), shapes=[Group()])
    save_pipeline_config(cfg, uri)
    content = json.loads(Path(uri).read_text('utf-8'))
    assert content['plugin_versions']['rastervision.pipeline'] == 0
    assert content['rv_config'] == {}
    loaded = PipelineConfig.from_file(uri)
    assert type(loaded) is ShapesPipelineConfig
    assert loaded.to_dict() == cfg.to_dict() == Config.deserialize(uri).to_dict()


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is not a JSON file'),
        ('{"type_hint": ', 'is not a JSON file'),
        ('[1]', 'holds a JSON list, not a config'),
        ('{"overall": []}', 'overall: unknown field of PipelineConfig'),
        ('{"type_hint": "test_circle", "sise": 1}', 'sise: unknown field.*Did you mean size'),
        ('{"type_hint": "test_circle"}', 'Circle .* is not a PipelineConfig'),
        ('{"type_hint": "test_circle", "plugin_versions": 3}', 'plugin_versions: expected'),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'pipeline-config.json'
    path.write_text(text)
    with pytest.raises(ConfigError, match=f'pipeline-config.json.*{message}'):
        PipelineConfig.from_file(str(path))


def test_upgrade_on_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrader(cfg: dict[str, Any], version: int) -> dict[str, Any]:
        if version == 0:
            cfg['caption'] = cfg.pop('title')
        return cfg

    @register_config('test_map', plugin='rastervision.test_maps', upgrader=upgrader)
    class Map(Config):
        caption: str

    registry_.set_plugin_version('rastervision.test_maps', 2)
    registry_.register_renamed_type_hints('test_chart', 'test_map')
    old = {
        'type_hint': 'test_chart',
        'title': 'T',
        'plugin_versions': {'rastervision2.test_maps': 0},
    }
    assert Config.from_dict(old) == Map(caption='T')
    assert Map(caption='T').to_dict(with_rv_metadata=True)['plugin_versions'] == {
        'rastervision.test_maps': 2
    }
    assert upgrade_plugin_versions(old['plugin_versions']) == {'rastervision.test_maps': 0}
    assert [c['caption'] for c in upgrade_config([old, old])] == ['T', 'T']
    with pytest.raises(ConfigError, match=r'version 3 of rastervision.test_maps.*version 2'):
        Config.from_dict(
            {'type_hint': 'test_map', 'plugin_versions': {'rastervision.test_maps': 3}}
        )
