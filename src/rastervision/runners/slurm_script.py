"""The batch script of a stage."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from rastervision.pipeline import rv_config_
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.utils import is_local
from rastervision.pipeline.runner.job_process import Modules
from rastervision.pipeline.runner.stages import Stage
from rastervision.pipeline.state import OUTPUT
from rastervision.runners.slurm_settings import JobSettings

TASK = '"$SLURM_ARRAY_TASK_ID"'


def batch_script(
    stage: Stage, settings: JobSettings, modules: Modules, path: Path, folder: Path
) -> str:
    """The script that runs the jobs of a stage, an array of which each task is one split.

    However it ends, it leaves its exit code in a file, since not every cluster keeps accounts.

    Args:
        stage: The stage.
        settings: The settings of its jobs.
        modules: Modules to import before the config is read.
        path: Where the script goes; beside it go the output, with the suffix `.out`, and the exit
            code, with the suffix `.exit`.
        folder: The folder to run in: that of the submission, for relative paths.
    """
    command = [*_program(stage, settings, folder), *_arguments(stage, modules)]
    number = f'-{TASK}' if stage.is_array else ''
    name = f'{shlex.quote(str(path.with_suffix("")))}{number}'
    lines = [
        '#!/bin/bash',
        '# Written by `rastervision run slurm`.',
        f'rv_exit_file={name}.exit',
        f'export {OUTPUT}={name}.out',
        """trap 'echo "$?" > "$rv_exit_file"' EXIT""",
        "trap 'exit 143' TERM  # when what it has started has cleaned up",
        f'cd {shlex.quote(str(folder))} || exit',
        *settings.preamble.splitlines(),
        ' '.join(command),
    ]
    return '\n'.join(lines) + '\n'


def _program(stage: Stage, settings: JobSettings, folder: Path) -> Iterator[str]:
    """The words that start Raster Vision."""
    if settings.container:
        uri = stage.jobs[0].pipeline
        root = [str(to_path(uri).absolute().parent)] if is_local(uri) else []
        yield from ('apptainer', 'exec', *(['--nv'] if settings.gpu else []))
        yield from _quoted(f'--bind={path}' for path in (str(folder), *root, *settings.bind))
        yield shlex.quote(settings.container)
    yield f'{settings.python} -m rastervision.pipeline'
    own = rv_config_.hand_over()
    if own['profile']:
        yield from ('--profile', shlex.quote(own['profile']))
    if own['tmp_dir_root']:
        yield from ('--tmpdir', shlex.quote(own['tmp_dir_root']))
    yield from filter(None, [rv_config_.get_verbosity_cli_opt()])


def _arguments(stage: Stage, modules: Modules) -> Iterator[str]:
    """The words that tell Raster Vision what to do."""
    job = stage.jobs[0]
    yield from ('run_command', *_quoted([job.pipeline, job.command]), '--runner', 'slurm')
    if job.num_splits > 1:
        yield from ('--num-splits', str(job.num_splits))
    if stage.is_array:
        yield from ('--split-ind', TASK)
    for name, file in modules:
        yield from ('--module', *_quoted([name, file or '']))


def _quoted(words: Iterable[str]) -> Iterator[str]:
    return map(shlex.quote, words)
