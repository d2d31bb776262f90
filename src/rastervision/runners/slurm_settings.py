"""The section `[slurm]` of the settings."""

import shlex
import sys
from dataclasses import dataclass

from rastervision.pipeline import rv_config_
from rastervision.pipeline.setting_values import load_conf_list, parse

SECTION = 'slurm'
OPTIONS = {
    'partition': '--partition',
    'account': '--account',
    'qos': '--qos',
    'time': '--time',
    'mem': '--mem',
    'cpus': '--cpus-per-task',  # inside of a job, SLURM_CPUS_PER_TASK is about that job
    'gres': '--gres',
}
"""Setting -> option of sbatch."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What the settings say of the jobs that use a GPU, or of the others.

    Attributes:
        gpu: Whether the jobs use a GPU.
        options: Options of sbatch.
        preamble: Lines of shell that go before the command, such as `module load`.
        python: Words that start Python, as a shell takes them.
        container: Path of the Apptainer image in which Python runs; '' for none.
        bind: What to mount in the container, as `apptainer --bind` takes it.
    """

    gpu: bool
    options: tuple[str, ...]
    preamble: str
    python: str
    container: str
    bind: tuple[str, ...]

    @property
    def asks_for_gpu(self) -> bool:
        """Whether an option has to do with GPUs."""
        return any('gpu' in option.lower() for option in self.options)


def job_settings(gpu: bool) -> JobSettings:
    """Read the settings of jobs.

    A job that uses a GPU takes `gpu_partition` where there is one, else `partition`, and so for
    every setting; an empty value is none.

    Args:
        gpu: Whether the jobs use a GPU.

    Raises:
        ConfigError: A setting cannot be read.
    """
    look_up = rv_config_.get_namespace_config(SECTION)

    def read(key: str, default: str = '') -> str:
        if gpu and (own := look_up(f'gpu_{key}', raise_error=False)) is not None:
            return str(own).strip()
        return str(look_up(key, default)).strip()

    named = [f'{option}={value}' for key, option in OPTIONS.items() if (value := read(key))]
    others = parse(f'options of [{SECTION}]', read('options'), shlex.split)
    container = read('container')
    return JobSettings(
        gpu,
        options=(*named, *others),
        preamble=read('preamble'),
        python=read('python') or ('python3' if container else shlex.quote(sys.executable)),
        container=container,
        bind=tuple(load_conf_list(read('bind'))),
    )
