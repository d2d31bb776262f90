"""Pipelines: sequences of commands that share a config."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.validation import Problem, Validation, root_problems

if TYPE_CHECKING:
    from rastervision.pipeline.fingerprint import CommandFacts


class Pipeline:
    """A sequence of commands, each a method, that share a config.

    A command that can be split takes `split_ind` and `num_splits` and does its share of the work.
    With one split it does everything. With several, what they wrote can be joined by a gather
    method, which takes `num_splits` if it likes and runs once after all of them.

    Attributes:
        commands: Names of the commands in the order in which they run.
        split_commands: The commands that can be split; one that a subclass replaces by a method
            without `split_ind` is not.
        gpu_commands: The commands that use a GPU.
        gather_commands: Command -> method that joins what several splits of the command wrote.
        config: The config of the pipeline.
        tmp_dir: A folder for temporary files.
    """

    commands: ClassVar[list[str]] = ['test_cpu', 'test_gpu']
    split_commands: ClassVar[list[str]] = ['test_cpu']
    gpu_commands: ClassVar[list[str]] = ['test_gpu']
    gather_commands: ClassVar[dict[str, str]] = {}

    def __init__(self, config: 'PipelineConfig', tmp_dir: str) -> None:
        self.config: Any = config
        self.tmp_dir = tmp_dir

    def check_inputs(self, commands: Sequence[str]) -> None:
        """Raise ConfigError if what commands are to read is not there; before any of them runs.

        Only runs on this machine are checked so, since only they see the files that it sees.
        """

    def validate(self) -> Validation:
        """Look at everything that the commands are to read; `rastervision validate` asks for it.

        By default, this is what `check_inputs` finds, and whether the root can be written.
        """
        problems = root_problems(self.config.root_uri)
        try:
            self.check_inputs(self.commands)
        except RVError as error:
            problems.append(Problem('inputs', str(error), is_error=True))
        return Validation(tuple(problems))

    def command_facts(self, command: str) -> 'CommandFacts | None':  # noqa: ARG002 (for subclasses)
        """Tell what a command reads and writes, so that it is left out when nothing has changed.

        None (the default) says that nobody knows, so that it always runs, and those after it too.
        """
        return None

    def forget(self, command: str) -> None:
        """Remove what an earlier run of a command has left to go on from; `--rerun` asks for it."""

    def summary(self) -> str:
        """Tell, once all commands of a run are done, what came out of it; '' for nothing."""
        return ''

    def test_cpu(self, split_ind: int = 0, num_splits: int = 1) -> None:
        """Print a message: tells whether a runner starts split commands."""
        print(f'test_cpu split {split_ind + 1}/{num_splits}')  # noqa: T201 - the purpose

    def test_gpu(self) -> None:
        """Print a message: tells whether a runner starts GPU commands."""
        print('test_gpu')  # noqa: T201 - the purpose


@register_config('pipeline')
class PipelineConfig(Config):
    """What the configs of all pipelines share."""

    root_uri: str | None = Field(
        None, description='Folder or URI below which the outputs are written.'
    )
    rv_config: dict[str, Any] | None = Field(
        None, description='Settings that travel with the serialised config; filled in on writing.'
    )
    plugin_versions: dict[str, int] | None = Field(
        None, description='Versions of the plugins that wrote the config; filled in on writing.'
    )

    def build(self, tmp_dir: str) -> Pipeline:
        """Make the pipeline.

        Args:
            tmp_dir: A folder for temporary files.
        """
        return Pipeline(self, tmp_dir)
