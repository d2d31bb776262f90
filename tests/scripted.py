"""A pipeline whose commands do, in whatever process, what its config says."""

import sys
import textwrap

import pytest

from rastervision.pipeline import registry_
from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.config import save_pipeline_config
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig

CONFIG = '''
import os, signal, subprocess, sys, time
from pathlib import Path

from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.progress import track


@register_config('scripted_pipeline')
class ScriptedPipelineConfig(PipelineConfig):
    """`script`: command (or 'command/split') -> Python code."""

    script: dict[str, str] = {}

    def build(self, tmp_dir):
        return ScriptedPipeline(self, tmp_dir)


class ScriptedPipeline(Pipeline):
    commands = ['first', 'many', 'last']
    split_commands = ['many']
    gpu_commands = ['last']
    gather_commands = {'many': 'gather'}

    def do(self, command, split=0, num_splits=1):
        root = Path(self.config.root_uri)
        root.mkdir(parents=True, exist_ok=True)
        code = self.config.script.get(f'{command}/{split}', self.config.script.get(command, ''))
        started = time.time()
        exec(code, globals() | {'root': root, 'tmp_dir': self.tmp_dir, 'split': split})
        record = f'{command} {split} {num_splits} {os.getpid()} {started} {time.time()}\\n'
        with (root / 'record.txt').open('a') as file:
            file.write(record)

    def first(self):
        self.do('first')

    def many(self, split_ind=0, num_splits=1):
        self.do('many', split_ind, num_splits)

    def gather(self, num_splits):
        self.do('gather', 0, num_splits)

    def last(self):
        self.do('last')


def get_config(runner, root_uri, script: dict[str, str] = {}):
    return ScriptedPipelineConfig(root_uri=root_uri, script=script)
'''


class Scripted:
    """Makes pipelines below a folder and reads what their jobs recorded."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.config_file = folder / 'scripted config ü.py'
        self.config_file.write_text(textwrap.dedent(CONFIG), encoding='utf-8')

    def config(self, name: str, **script: str) -> PipelineConfig:
        args = {'root_uri': str(self.folder / name), 'script': script}
        return get_configs(str(self.config_file), 'local', args)[0]

    def pipeline(self, name: str, **script: str) -> tuple[str, Pipeline]:
        """URI of the saved config, and the pipeline."""
        config = self.config(name, **{key.replace('__', '/'): code for key, code in script.items()})
        uri = str(self.folder / name / 'pipeline-config.json')
        save_pipeline_config(config, uri)
        return uri, config.build(str(self.folder))

    def record(self, name: str) -> list[list[str]]:
        """[command, split, num_splits, pid, start, end] of each job that went well, in order."""
        path = self.folder / name / 'record.txt'
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def jobs(self, name: str) -> list[str]:
        """'command split/num_splits' of each job that went well, in order."""
        return [f'{row[0]} {row[1]}/{row[2]}' for row in self.record(name)]

    def check_all_ran(self, name: str) -> None:
        """Assert that all jobs of two splits went well, each after those before, and left logs."""
        first, *many, gather, last = self.jobs(name)
        assert (first, sorted(many)) == ('first 0/1', ['many 0/2', 'many 1/2'])
        assert (gather, last) == ('gather 0/2', 'last 0/1')
        assert {path.name for path in (self.folder / name / 'logs').iterdir()} == {
            *('first.log', 'many-1-of-2.log', 'many-2-of-2.log', 'gather.log', 'last.log')
        }


@pytest.fixture
def scripted(tmp_path, monkeypatch) -> Scripted:
    """See `Scripted`; its folder has a space and letters beyond ASCII in its name."""
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.setattr(registry_, 'configs', dict(registry_.configs))
    folder = tmp_path / 'söme folder'
    folder.mkdir()
    return Scripted(folder)
