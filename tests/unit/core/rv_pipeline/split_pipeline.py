"""Pipelines over three scenes, for tests of splits."""

from pathlib import Path

from rastervision.core.rv_pipeline import SemanticSegmentation
from rastervision.pipeline.cli import get_configs

CONFIG = str(Path(__file__).with_name('split_config.py'))
COMMANDS = ['analyze', 'chip', 'predict', 'eval']


def pipelines_of_scenes(folder):
    """Return a function that makes a pipeline below a root of its own."""

    def make(name='root', cls=SemanticSegmentation, **args):
        args |= {'folder': str(folder), 'root_uri': str(folder / name)}
        config = get_configs(CONFIG, 'inprocess', args)[0].copy()
        config.update()
        (folder / 'tmp').mkdir(exist_ok=True)
        (folder / name).mkdir(exist_ok=True)
        return cls(config, str(folder / 'tmp'))

    return make


def run(pipeline, command, num_splits=1):
    for i in range(num_splits):
        getattr(pipeline, command)(i, num_splits)
    if num_splits > 1:
        for _ in range(2):  # a gather step can be run again
            getattr(pipeline, pipeline.gather_commands[command])(num_splits)


def outputs(pipeline):
    root = Path(pipeline.config.root_uri)
    skipped = {'windows.txt', 'pipeline-config.json'}
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file() and path.name not in skipped and path.parent.name not in {'logs', 'state'}
    }
