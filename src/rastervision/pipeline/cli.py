"""The command line: `rastervision`."""

import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rastervision.pipeline import registry_, rv_config_
from rastervision.pipeline.cli_options import arg_option, rerun_option, splits_option
from rastervision.pipeline.errors import ConfigError, RVError
from rastervision.pipeline.known_settings import warn_of_unknown_settings
from rastervision.pipeline.plugins import BUILTIN_PLUGINS
from rastervision.pipeline.signals import cleaning_up_on_signals
from rastervision.pipeline.verbosity import Verbosity

if TYPE_CHECKING:
    from rastervision.pipeline.pipeline import PipelineConfig

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

LAZY_COMMANDS = {
    'compare': ('rastervision.core.cli_compare', 'Compare the scores of experiments.'),
    'init': ('rastervision.pipeline.cli_init', 'Make a new project.'),
    'plan': ('rastervision.pipeline.cli_plan', 'Show what a run would do, and why.'),
    'predict': ('rastervision.core.cli', 'Predict on images with a model bundle.'),
    'predict_scene': ('rastervision.core.cli', 'Predict on a scene with a model bundle.'),
    'status': ('rastervision.pipeline.cli_status', 'Show how far runs are.'),
    'validate': ('rastervision.pipeline.cli_validate', 'Open all inputs; tell what is wrong.'),
}
"""Commands of our own packages: name -> module that has them, and their line in the help."""


def print_error(msg: str) -> None:
    """Print a message to stderr, in red on a terminal."""
    click.secho(msg, fg='red', err=True)


class RVGroup(click.Group):
    """A group whose commands are imported when they are used, and whose errors are messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, those of plugins included."""
        own = {*super().list_commands(ctx), *LAZY_COMMANDS}
        return sorted({*own, *_third_party_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with a name, imported if need be."""
        if (command := super().get_command(ctx, cmd_name)) is not None:
            return command
        if cmd_name in LAZY_COMMANDS:
            module, _ = LAZY_COMMANDS[cmd_name]
            found = getattr(import_module(module), cmd_name)
            return found if isinstance(found, click.Command) else None
        return _third_party_commands().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Apply the options of the group, then find the command."""
        _apply_options(**ctx.params)
        if args[0] != 'run_command':  # in a job of a run that has told it
            warn_of_unknown_settings()
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without importing those of our own packages."""
        rows = []
        for name in self.list_commands(ctx):
            if name in LAZY_COMMANDS:
                rows.append((name, LAZY_COMMANDS[name][1]))
            elif (command := self.get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(limit=formatter.width - 24)))
        with formatter.section('Commands'):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our own errors end as one message and exit code 1."""
        try:
            with cleaning_up_on_signals():
                return super().invoke(ctx)
        except RVError as error:
            if rv_config_.get_verbosity() >= Verbosity.VERY_VERBOSE:
                traceback.print_exc()
            print_error('\n'.join([f'Error: {error}', *getattr(error, '__notes__', [])]))
            ctx.exit(1)
        except KeyboardInterrupt:
            print_error('Interrupted.')
            ctx.exit(INTERRUPTED)


def _apply_options(profile: str | None, verbose: int, tmpdir: str | None) -> None:
    from rastervision.pipeline.logs import log_to_stderr

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # any letter of a path can be shown somehow
            stream.reconfigure(errors='backslashreplace')
    rv_config_.set_verbosity(Verbosity.NORMAL + verbose)
    log_to_stderr()
    rv_config_.set_tmp_dir_root(tmpdir)
    rv_config_.set_everett_config(profile=profile)


def _third_party_commands() -> dict[str, click.Command]:
    """Commands of plugins that are not part of Raster Vision; a broken plugin is a warning."""
    try:
        names = [name for name in registry_.discover_plugins() if name not in BUILTIN_PLUGINS]
    except RVError as error:
        print_error(f'Warning: {error}')
        names = []
    for name in names:
        try:
            registry_.load_plugins([name])
        except RVError as error:
            print_error(f'Warning: {error}')
    return dict(registry_.plugin_commands)


@click.group(
    cls=RVGroup, name='rastervision', context_settings={'help_option_names': ['-h', '--help']}
)
@click.option('--profile', '-p', help='Name of the profile to take settings from.')
@click.option(
    '--verbose', '-v', count=True, help='Say more; -vv also shows where errors come from.'
)
@click.option('--tmpdir', help='Root of temporary directories.')
@click.version_option(package_name='rastervision', message='%(version)s')
def main(profile: str | None, verbose: int, tmpdir: str | None) -> None:
    """Train and run deep learning models on satellite, aerial and drone imagery."""
    # The options are applied by RVGroup.resolve_command, before plugins are looked for.


@main.command(short_help='Run commands of pipelines.')
@click.argument('runner')
@click.argument('cfg_module')
@click.argument('commands', nargs=-1)
@arg_option
@splits_option
@click.option(
    '--pipeline-run-name',
    default='raster-vision',
    show_default=True,
    help='Name of the run where the engine shows one.',
)
@click.option('--dry-run', '-n', is_flag=True, help='Print the plan; run and write nothing.')
@rerun_option
@click.option(
    '--wait',
    is_flag=True,
    help='Where an engine takes over the jobs ("slurm", "batch"): wait for their end, and fail if '
    'they do. Ctrl-C cancels them.',
)
@click.option(
    '--gpus',
    metavar='LIST',
    help='GPUs to use with "local" and "inprocess", by number or name, such as 0,2; "" for none. '
    '"local" gives each of several jobs one of them.',
)
def run(
    runner: str,
    cfg_module: str,
    commands: Sequence[str],
    args: Sequence[tuple[str, str]],
    splits: int,
    pipeline_run_name: str,
    dry_run: bool,
    rerun: bool,
    wait: bool,
    gpus: str | None,
) -> None:
    """Run COMMANDS of the pipelines in CFG_MODULE with RUNNER.

    RUNNER is "inprocess" (all in this process), "local" (on worker processes of this machine),
    "dask", "slurm", "batch" (AWS Batch), or the name of a runner that a plugin adds.

    CFG_MODULE is a Python file or module with a function get_config (or get_configs) that returns
    a pipeline config (or a list of them), or a JSON file such as a pipeline-config.json.

    COMMANDS are commands of the pipeline. They run in the order that the pipeline defines. All of
    them run if none is named, except those that are up to date: nothing that they read has changed.
    """
    from rastervision.pipeline.loading import loaded_pipelines
    from rastervision.pipeline.runner.gpus import use_gpus
    from rastervision.pipeline.running import run_pipelines, show_plan
    from rastervision.pipeline.sweep import gather_args

    engine = registry_.get_runner(runner)  # an unknown one is told before the config is read
    if gpus is not None:
        if not engine.chooses_gpus:
            raise ConfigError(
                f'The runner {runner!r} takes no --gpus; which GPUs its jobs get is up to its '
                'settings and its engine.'
            )
        use_gpus(gpus)
    with loaded_pipelines(cfg_module, runner, gather_args(args)) as pipelines:
        if dry_run:
            show_plan(pipelines, commands, splits, rerun)
        else:
            run_pipelines(pipelines, commands, runner, splits, pipeline_run_name, rerun, wait)


@main.command('run_command', short_help='Run one command of a serialized pipeline config.')
@click.argument('cfg_json_uri')
@click.argument('command')
@click.option('--split-ind', type=int, help='Index of the split, from 0.')
@click.option(
    '--num-splits', type=click.IntRange(min=1), default=1, help='Number of splits of the command.'
)
@click.option(
    '--runner',
    help='Runner that started this: it may know the index of the split, and the log is kept '
    'beside the config.',
)
@click.option(
    '--module',
    'modules',
    type=(str, str),
    multiple=True,
    metavar='NAME FILE',
    help='Module, and its file, to import before the config is read; for a config with classes '
    'that no plugin has. Repeat it for several.',
)
@click.option(
    '--code',
    metavar='URI',
    help='Folder of a store with files of Python for the modules, which FILE is a path below.',
)
@click.pass_context
def run_command(
    ctx: click.Context,
    cfg_json_uri: str,
    command: str,
    split_ind: int | None,
    num_splits: int,
    runner: str | None,
    modules: Sequence[tuple[str, str]],
    code: str | None,
) -> None:
    """Run a single COMMAND of the pipeline whose config is the JSON file at CFG_JSON_URI.

    Runners use it to start jobs on other machines. The command is a gather step if it has several
    splits but no index of one.
    """
    from rastervision.pipeline.file_system import file_to_json, sync_from_dir
    from rastervision.pipeline.runner.execute import execute_config
    from rastervision.pipeline.runner.job_process import run_for_engine
    from rastervision.pipeline.runner.worker import import_modules

    profile = ctx.parent.params.get('profile') if ctx.parent else None
    stored = file_to_json(cfg_json_uri)
    settings = stored.get('rv_config') if isinstance(stored, dict) else None
    rv_config_.set_everett_config(profile, config_overrides=settings)
    if code is not None:
        folder = ctx.with_resource(rv_config_.get_tmp_dir())
        sync_from_dir(code, folder)
        modules = [(name, str(Path(folder, file))) for name, file in modules]
    if runner is None:
        import_modules(modules)
        execute_config(cfg_json_uri, command, split_ind or 0, num_splits)
    else:
        if split_ind is None:
            split_ind = registry_.get_runner(runner)().get_split_ind()
        run_for_engine(cfg_json_uri, command, split_ind, num_splits, modules)


def get_configs(
    cfg_module_path: str, runner: str | None = None, args: Mapping[str, Any] | None = None
) -> 'list[PipelineConfig]':
    """The configs that a .py or .json file (path or URI) or a Python module describes.

    Args:
        cfg_module_path: Path or URI of the file, or dotted path of the module.
        runner: Name of the runner, for functions with a parameter `runner`.
        args: Arguments of `get_config`; texts are converted to the annotated types.

    Raises:
        ConfigError: There is none, it fails, or the arguments do not fit.
    """
    from rastervision.pipeline.config_file import load_configs

    return load_configs(cfg_module_path, runner, args)


def get_configs_from_module(
    cfg_module_path: str, runner: str | None, args: Mapping[str, Any]
) -> 'list[PipelineConfig]':
    """The configs that a .py file or a Python module describes; see `get_configs`."""
    from rastervision.pipeline.config_file import configs_from_module

    return configs_from_module(cfg_module_path, runner, args)


def convert_bool_args(args: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of arguments in which the texts true and false, in any case, are booleans."""
    words = {'true': True, 'false': False}
    return {key: words.get(str(value).lower(), value) for key, value in args.items()}


if __name__ == '__main__':
    main(prog_name='rastervision')
