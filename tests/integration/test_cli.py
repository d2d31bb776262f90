"""The command line in processes of its own, as users call it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from waiting import started

CONFIG = """
    from rastervision.pipeline.config import register_config
    from rastervision.pipeline.errors import ConfigError, DataError
    from rastervision.pipeline.file_system import str_to_file
    from rastervision.pipeline.pipeline import Pipeline, PipelineConfig

    @register_config('greeting_pipeline')
    class GreetingPipelineConfig(PipelineConfig):
        names: list[str] = []
        loud: bool = False
        out_uri: str | None = None

        def update(self):
            self.out_uri = self.out_uri or f'{self.root_uri}/greetings.txt'

        def validate_config(self):
            if 'nobody' in self.names:
                raise ConfigError('names: nobody cannot be greeted')

        def build(self, tmp_dir):
            return GreetingPipeline(self, tmp_dir)

    class GreetingPipeline(Pipeline):
        commands = ['greet', 'fail', 'leave']
        split_commands = ['greet']
        gpu_commands = []

        def greet(self, split_ind=0, num_splits=1):
            names = self.config.names[split_ind::num_splits]
            end = '!' if self.config.loud else '.'
            str_to_file(f'hello {" ".join(names)}{end}', f'{self.config.out_uri}{split_ind}')

        def fail(self):
            if 'villain' in self.config.names:
                raise DataError('a.tif has no pixels; use another file')

        def leave(self):
            print('bye')

        def summary(self):
            return 'All are greeted.'

    def get_config(runner, root_uri, names: list[str] = ['ann', 'bob'], loud=False):
        return GreetingPipelineConfig(root_uri=root_uri, names=names, loud=loud)
"""


class Cli:
    """Runs the command line in a folder with a config file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write('greeting.py', CONFIG)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(textwrap.dedent(text), encoding='utf-8')

    def __call__(self, *args: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, '-m', 'rastervision.pipeline.cli', *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding='utf-8',
            timeout=60,
            check=False,
            env={**os.environ, 'RV_CONFIG_DIR': str(self.folder / 'profiles'), **env},
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def cli(tmp_path) -> Cli:
    folder = tmp_path / 'a földer'
    folder.mkdir()
    return Cli(folder)


RUN = ('run', 'inprocess', 'greeting.py', '-a', 'root_uri', 'out')


def test_help_and_version(cli):
    text = cli('--help').stdout
    for name in ('predict', 'predict_scene', 'run', 'run_command', '--profile', '--tmpdir'):
        assert name in text
    assert cli('--version').stdout.strip()[0].isdigit()


@pytest.mark.skipif(sys.platform == 'win32', reason='the clock of child processes')
def test_help_is_quick_and_loads_nothing_heavy(cli):
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cli('--help')
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5
    code = (
        'import sys; from rastervision.pipeline.cli import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: pass\n'
        'heavy = {"numpy", "torch", "pydantic", "rasterio", "rich", "hashlib", "difflib"}\n'
        'print(heavy & {*sys.modules})'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == 'set()'


@pytest.mark.parametrize('runner', ['inprocess', 'local'])
def test_a_run_writes_config_and_outputs_and_ends_with_the_summary(cli, runner):
    done = cli('run', runner, *RUN[2:], '-s', '2', '-a', 'loud', 'true')
    config = json.loads((cli.folder / 'out' / 'pipeline-config.json').read_text())
    assert config['out_uri'] == 'out/greetings.txt'
    assert (cli.folder / 'out' / 'greetings.txt0').read_text() == 'hello ann!'
    assert (cli.folder / 'out' / 'greetings.txt1').read_text() == 'hello bob!'
    assert done.stdout.endswith('bye\n\nAll are greeted.\n')
    assert done.stderr == ''


def test_commands_run_in_the_order_of_the_pipeline(cli):
    done = cli(*RUN[:3], 'leave', 'fail', *RUN[3:])
    assert done.stdout.splitlines()[:2] == ['Running fail command...', 'Running leave command...']


def test_a_dry_run_prints_the_plan_and_writes_nothing(cli):
    done = cli(*RUN, '-n', '-s', '2')
    assert [line.split()[1:3] for line in done.stdout.splitlines()[2:]] == [
        ['greet', '2'],
        ['fail', '1'],
        ['leave', '1'],
    ]
    assert cli('plan', *RUN[2:], '-s', '2', '--runner', 'inprocess').stdout == done.stdout
    assert not (cli.folder / 'out').exists()


def test_a_saved_config_runs_again_and_by_single_commands(cli):
    cli(*RUN, 'greet')
    saved = str(Path('out', 'pipeline-config.json'))
    unknown = cli('run', 'inprocess', saved, code=1)  # nothing says where its classes are
    assert 'greeting_pipeline' in unknown.stderr
    cli.write('profiles/default', '[PLUGINS]\nfiles=["greeting.py"]\n')
    assert 'bye' in cli('run', 'inprocess', saved, 'leave').stdout
    done = cli('run_command', saved, 'greet', '--split-ind', '1', '--num-splits', '2')
    assert done.stdout == 'Running greet command split 2/2...\n'


@pytest.mark.parametrize('runner', ['inprocess', 'local'])
def test_the_root_may_be_a_file_uri(cli, runner):
    root = cli.folder / 'a röot'
    cli('run', runner, 'greeting.py', 'greet', '-a', 'root_uri', root.as_uri())
    names = {path.name for path in root.iterdir() if path.is_file()}
    assert names == {'pipeline-config.json', 'greetings.txt0'}
    assert {path.name for path in cli.folder.iterdir() if path.is_dir()} <= {
        root.name,
        '__pycache__',
    }


def test_a_single_command_is_checked_like_a_run(cli):
    cli.write('profiles/default', '[PLUGINS]\nfiles=["greeting.py"]\n')
    cli.write('bad.json', '{"type_hint": "greeting_pipeline", "names": ["nobody"]}')
    assert 'cannot be greeted' in cli('run_command', 'bad.json', 'greet', code=1).stderr


def test_several_configs_run_with_roots_of_their_own(cli):
    code = """
    def get_configs(runner, roots: list[str]):
        return [one(runner, root) for root in roots]
    """
    cli.write('several.py', CONFIG.replace('def get_config(', 'def one(') + code)
    cli('run', 'inprocess', 'several.py', 'leave', '-a', 'roots', 'x,y')
    assert {p.parent.name for p in cli.folder.rglob('pipeline-config.json')} == {'x', 'y'}
    done = cli('run', 'inprocess', 'several.py', '-a', 'roots', 'z,z', code=1)
    assert 'Two configs of several.py would be written to' in done.stderr


def test_a_sweep_runs_side_by_side_and_its_status_is_shown(cli):
    args = ('-a', 'loud', 'true,false', '-a', 'names', 'ann,bob', '-s', '2')
    done = cli('run', 'local', *RUN[2:], *args)
    roots = {loud: cli.folder / 'out' / f'loud={loud}' for loud in (True, False)}
    for loud, root in roots.items():
        end = '!' if loud else '.'
        assert (root / 'greetings.txt1').read_text() == f'hello bob{end}'
        assert f'{Path("out", root.name)}:\n\nAll are greeted.' in done.stdout
    text = cli('status', 'out').stdout
    assert text.count(': nothing runs\n') == 2
    assert [line.split()[1:3] for line in text.splitlines() if 'greet' in line] == 2 * [
        ['done', '2/2']
    ]
    failed = cli('run', 'local', *RUN[2:], '-a', 'names', 'villain', code=1)
    assert 'a.tif has no pixels' in failed.stderr
    told = cli('status', 'out', code=1).stdout
    assert 'fail failed: a.tif has no pixels; use another file' in told
    assert f'log: {Path("out", "logs", "fail.log")}' in told


@pytest.mark.parametrize(
    ('args', 'code', 'text'),
    [
        (['run', 'inprocess', 'no.py'], 1, 'There is no config file no.py'),
        (['status', '.'], 1, '. has no pipeline-config.json'),
        (['compare', '.'], 1, '. has no pipeline-config.json'),
        (['run_command', 'no.json', 'greet'], 1, 'no.json'),
        (['run', 'inprocess', 'empty.py'], 1, 'empty.py has no function get_config'),
        (['run', 'inprocess', 'broken.py'], 1, 'broken.py:2: ZeroDivisionError'),
        (['run', 'inprocess', 'none.py'], 1, 'returned None'),
        (['run', 'inprocess', 'rootless.py'], 1, 'no root_uri'),
        (['run', 'nowhere', 'greeting.py'], 1, "Unknown runner 'nowhere'"),
        (['run', 'inprocess', 'greeting.py'], 1, 'needs a value for root_uri'),
        ([*RUN, '-a', 'nmes', 'x'], 1, 'Did you mean names'),
        ([*RUN, '-a', 'loud', 'maybe'], 1, "loud should be bool, got 'maybe'"),
        ([*RUN, '-a', 'names', 'nobody'], 1, 'nobody cannot be greeted'),
        ([*RUN, 'gret'], 1, 'The commands of this pipeline are: greet, fail, leave'),
        ([*RUN, '-s', '0'], 2, '0 is not in the range'),
        ([*RUN, '-a', 'names'], 2, "'-a' requires 2 arguments"),
        (['rn'], 2, "No such command 'rn'"),
        (['-p', 'nobodys', *RUN], 1, "no profile 'nobodys'"),
        (['--tmpdir', 'greeting.py/x', *RUN], 1, 'greeting.py/x'),
        (['run', 'inprocess', 'greeting.py', '-a', 'root_uri', 'greeting.py/x'], 1, 'Cannot write'),
        ([*RUN, '-a', 'names', 'villain'], 1, 'Not run because of it: leave.'),
    ],
)
def test_bad_input_is_one_message_and_an_exit_code(cli, args, code, text):
    cli.write('empty.py', 'x = 1')
    cli.write('broken.py', 'x = 1\nx / 0')
    cli.write('none.py', 'def get_config(runner):\n    pass')
    cli.write(
        'rootless.py',
        'from rastervision.pipeline.pipeline import PipelineConfig\n'
        'def get_config(runner):\n    return PipelineConfig()',
    )
    done = cli(*args, code=code)
    assert text in done.stderr
    assert 'Traceback' not in done.stderr
    if code == 1 and 'villain' not in args:
        assert not (cli.folder / 'out').exists()


def test_vv_shows_where_an_error_comes_from(cli):
    done = cli('-vv', *RUN, '-a', 'names', 'villain', code=1)
    assert 'Traceback' in done.stderr
    config = Path('out', 'pipeline-config.json')
    assert done.stderr.splitlines()[-2:] == [
        'Error: a.tif has no pixels; use another file',
        f'This ended fail of {config}. Not run because of it: leave.',
    ]


def test_the_local_runner_names_the_failed_job_and_its_log(cli):
    done = cli('run', 'local', *RUN[2:], '-a', 'names', 'villain', code=1)
    log = Path('out', 'logs', 'fail.log')
    assert done.stderr.splitlines() == [
        'Error: fail failed: a.tif has no pixels; use another file',
        f'Its log is {log}',
        'Not run because of it: leave',
    ]
    assert 'a.tif has no pixels' in (cli.folder / log).read_text()


def test_commands_of_plugins_appear_and_a_broken_plugin_is_named(cli):
    package = 'plugins/rastervision/greeter'
    cli.write(
        f'{package}/__init__.py',
        """
        import click

        @click.command(help='Say hello.')
        def hello():
            print('hello from a plugin')

        def register_plugin(registry):
            registry.add_plugin_command(hello)
        """,
    )
    cli.write('plugins/rastervision/broken/__init__.py', 'import no_such_module')
    env = {'PYTHONPATH': str(cli.folder / 'plugins')}
    done = cli('--help', **env)
    assert 'Say hello.' in done.stdout
    assert 'rastervision.broken' in done.stderr
    assert 'no_such_module' in done.stderr
    assert cli('hello', **env).stdout == 'hello from a plugin\n'


def test_the_profile_of_the_command_line_brings_its_plugins(cli):
    cli.write('profiles/mine', '[PLUGINS]\nfiles=["command_file.py"]\n')
    cli.write(
        'command_file.py',
        """
        import click

        @click.command()
        def wave():
            print('waving')

        def register_plugin(registry):
            registry.add_plugin_command(wave)
        """,
    )
    assert cli('-p', 'mine', 'wave').stdout == 'waving\n'


@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
def test_ctrl_c_ends_with_130(cli):
    import signal

    cli.write(
        'slow.py',
        textwrap.dedent(CONFIG).replace(
            "print('bye')", "print('ready', flush=True); __import__('time').sleep(60)"
        ),
    )
    command = [
        sys.executable,
        '-m',
        'rastervision.pipeline',
        'run',
        'inprocess',
        'slow.py',
        'leave',
    ]
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    command += ['-a', 'root_uri', 'out']
    with started(command, cwd=cli.folder, **pipes) as process:
        assert any('ready' in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err == 'Interrupted.\n'
