"""The three pipeline examples of the seed documents, typed in as printed there.

`rastervision.pipeline` stands for the `rastervision2.pipeline` of the documents, the imports that
they leave out are added, and outputs go to a folder of the test.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = """
from os.path import join
from typing import List, Optional

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.file_system import file_to_str, str_to_file
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.pipeline_config import PipelineConfig
from rastervision.pipeline.utils import split_into_groups
"""

EXAMPLE_1 = """
# Each Config needs to be registered with a type hint which is used for
# serializing and deserializing to JSON.
@register_config('sample_pipeline')
class SamplePipelineConfig(PipelineConfig):
    # Config classes are configuration schemas. Each field is an attributes
    # with a type and optional default value.
    names: List[str] = ['alice', 'bob']
    message_uris: Optional[List[str]] = None

    def build(self, tmp_dir):
        # The build method is used to instantiate the corresponding object
        # using this configuration.
        return SamplePipeline(self, tmp_dir)

    def update(self):
        # The update method is used to set default values as a function of
        # other values.
        if self.message_uris is None:
            self.message_uris = [
                join(self.root_uri, '{}.txt'.format(name))
                for name in self.names
            ]

class SamplePipeline(Pipeline):
    # The order in which commands run. Each command correspond to a method.
    commands: List[str] = ['save_messages', 'print_messages']

    # Split commands can be split up and run in parallel.
    split_commands = ['save_messages']

    # GPU commands are run using GPUs if available. There are no commands worth running
    # on a GPU in this pipeline.
    gpu_commands = []

    def save_messages(self, split_ind=0, num_splits=1):
        # Save a file for each name with a message.

        # The num_splits is the number of parallel jobs to use and
        # split_ind tracks the index of the parallel job. In this case
        # we are splitting on the names/message_uris.
        split_groups = split_into_groups(
            list(zip(self.config.names, self.config.message_uris)), num_splits)
        split_group = split_groups[split_ind]

        for name, message_uri in split_group:
            message = 'hello {}!'.format(name)
            # str_to_file and most functions in the file_system package can
            # read and write transparently to different file systems based on
            # the URI pattern.
            str_to_file(message, message_uri)
            print('Saved message to {}'.format(message_uri))

    def print_messages(self):
        # Read all the message files and print them.
        for message_uri in self.config.message_uris:
            message = file_to_str(message_uri)
            print(message)
"""

GET_CONFIG_1 = """
def get_config(runner, root_uri):
    # The get_config function returns an instantiated PipelineConfig and
    # plays a similar role as a typical "config file" used in other systems.
    # It's different in that it can have loops, conditionals, local variables,
    # etc. The runner argument is the name of the runner used to run the
    # pipeline (eg. local or aws_batch). Any other arguments are passed from
    # the CLI using the -a option.
    names = ['alice', 'bob', 'susan']

    # Note that root_uri is a field that is inherited from PipelineConfig,
    # the parent class of SamplePipelineConfig, and specifies the root URI
    # where any output files are saved.
    return SamplePipelineConfig(root_uri=root_uri, names=names)
"""

PRINTED_1 = """\
Running save_messages command split 1/2...
Saved message to /opt/data/sample-pipeline/alice.txt
Saved message to /opt/data/sample-pipeline/bob.txt
Running save_messages command split 2/2...
Saved message to /opt/data/sample-pipeline/susan.txt
Running print_messages command...
hello alice!
hello bob!
hello susan!
"""

EXAMPLE_2 = """
@register_config('message_maker')
class MessageMakerConfig(Config):
    greeting: str = 'hello'

    def build(self):
        return MessageMaker(self)

class MessageMaker():
    def __init__(self, config):
        self.config = config

    def make_message(self, name):
        # Use the greeting field to make the message.
        return '{} {}!'.format(self.config.greeting, name)

@register_config('sample_pipeline2')
class SamplePipeline2Config(PipelineConfig):
    names: List[str] = ['alice', 'bob']
    message_uris: Optional[List[str]] = None
    # Fields can have other Configs as types.
    message_maker: MessageMakerConfig = MessageMakerConfig()

    def build(self, tmp_dir):
        return SamplePipeline2(self, tmp_dir)

    def update(self):
        if self.message_uris is None:
            self.message_uris = [
                join(self.root_uri, '{}.txt'.format(name))
                for name in self.names
            ]

class SamplePipeline2(Pipeline):
    commands: List[str] = ['save_messages', 'print_messages']
    split_commands = ['save_messages']
    gpu_commands = []

    def save_messages(self, split_ind=0, num_splits=1):
        message_maker = self.config.message_maker.build()

        split_groups = split_into_groups(
            list(zip(self.config.names, self.config.message_uris)), num_splits)
        split_group = split_groups[split_ind]

        for name, message_uri in split_group:
            # Unlike before, we use the message_maker to make the message.
            message = message_maker.make_message(name)
            str_to_file(message, message_uri)
            print('Saved message to {}'.format(message_uri))

    def print_messages(self):
        for message_uri in self.config.message_uris:
            message = file_to_str(message_uri)
            print(message)
"""

GET_CONFIG_2 = """
def get_config(runner, root_uri):
    names = ['alice', 'bob', 'susan']
    # Same as before except we can set the greeting to be
    # 'hola' instead of 'hello'.
    message_maker = MessageMakerConfig(greeting='hola')
    return SamplePipeline2Config(
        root_uri=root_uri, names=names, message_maker=message_maker)
"""

PRINTED_2 = """\
Running save_messages command...
Saved message to /opt/data/sample-pipeline/alice.txt
Saved message to /opt/data/sample-pipeline/bob.txt
Saved message to /opt/data/sample-pipeline/susan.txt
Running print_messages command...
hola alice!
hola bob!
hola susan!
"""

PLUGIN_INIT = """
# Code from rastervision.deluxe_message_maker.__init__.py

# Always need to import this first.
import rastervision.pipeline

# Need to import any modules with register_config decorators.
import rastervision.deluxe_message_maker.deluxe_message_maker

def register_plugin(registry):
    # Can be used to manually update the registry. Useful
    # for adding new FileSystems and Runners.
    pass
"""

PLUGIN_MODULE = """
# Code from rastervision.deluxe_message_maker.deluxe_message_maker.py

# You always need to use the register_config decorator.
@register_config('deluxe_message_maker')
class DeluxeMessageMakerConfig(MessageMakerConfig):
    # Note that this inherits the greeting field from MessageMakerConfig.
    level: int = 1

    def build(self):
        return DeluxeMessageMaker(self)

class DeluxeMessageMaker(MessageMaker):
    def make_message(self, name):
        # Uses the level field to determine the number of exclamation marks.
        exclamation_marks = '!' * self.config.level
        return '{} {}{}'.format(self.config.greeting, name, exclamation_marks)
"""

GET_CONFIG_3 = """
def get_config(runner, root_uri):
    names = ['alice', 'bob', 'susan']
    # Note that we use the DeluxeMessageMakerConfig and set the level to 3.
    message_maker = DeluxeMessageMakerConfig(greeting='hola', level=3)
    return SamplePipeline2Config(
        root_uri=root_uri, names=names, message_maker=message_maker)
"""

PRINTED_3 = PRINTED_2.replace('!', '!!!')

PIPELINE_CONFIG_3 = """
{
    "root_uri": "/opt/data/sample-pipeline",
    "type_hint": "sample_pipeline2",
    "names": [
        "alice",
        "bob",
        "susan"
    ],
    "message_uris": [
        "/opt/data/sample-pipeline/alice.txt",
        "/opt/data/sample-pipeline/bob.txt",
        "/opt/data/sample-pipeline/susan.txt"
    ],
    "message_maker": {
        "greeting": "hola",
        "type_hint": "deluxe_message_maker",
        "level": 3
    }
}
"""

# The documents say that the code of the examples 1 and 2 is in an installed package.
EXAMPLES_PACKAGE = 'rastervision.seed_examples'


class Project:
    """A folder with a config file, packages beside it, and the outputs of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / 'packages'
        self.root_uri = folder / 'sample-pipeline'

    def write(self, path: str, *parts: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text('\n'.join(parts))

    def run(self, *args: str) -> str:
        """What a command of the CLI prints, with the output folder as the documents name it."""
        places = filter(None, [str(self.packages), os.environ.get('PYTHONPATH')])
        done = subprocess.run(
            [sys.executable, '-m', 'rastervision.pipeline.cli', *args],
            cwd=self.folder,
            env={
                **os.environ,
                'PYTHONPATH': os.pathsep.join(places),
                'RV_CONFIG_DIR': str(self.folder),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self.as_printed(done.stdout)

    def as_printed(self, text: str) -> str:
        return text.replace(str(self.root_uri), '/opt/data/sample-pipeline')


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_example_1_a_simple_pipeline(project: Project) -> None:
    project.write('my_config.py', IMPORTS, EXAMPLE_1, GET_CONFIG_1)
    printed = project.run(
        *('run', 'inprocess', 'my_config.py', '-a', 'root_uri', str(project.root_uri), '-s', '2')
    )
    assert printed == PRINTED_1


def test_example_2_hierarchical_config(project: Project) -> None:
    project.write('my_config.py', IMPORTS, EXAMPLE_2, GET_CONFIG_2)
    printed = project.run(
        *('run', 'inprocess', 'my_config.py', '-a', 'root_uri', str(project.root_uri))
    )
    assert printed == PRINTED_2


@pytest.fixture
def deluxe(project: Project) -> Project:
    project.write('packages/rastervision/seed_examples/__init__.py', IMPORTS, EXAMPLE_2)
    plugin = 'packages/rastervision/deluxe_message_maker'
    examples = f'from {EXAMPLES_PACKAGE} import *'
    project.write(f'{plugin}/__init__.py', PLUGIN_INIT)
    project.write(f'{plugin}/deluxe_message_maker.py', IMPORTS, examples, PLUGIN_MODULE)
    deluxe = 'from rastervision.deluxe_message_maker.deluxe_message_maker import *'
    project.write('my_config.py', examples, deluxe, GET_CONFIG_3)
    return project


@pytest.mark.parametrize('runner', ['inprocess', 'local'])
def test_example_3_customizing_with_a_plugin(deluxe: Project, runner: str) -> None:
    printed = deluxe.run(*('run', runner, 'my_config.py', '-a', 'root_uri', str(deluxe.root_uri)))
    if runner == 'inprocess':
        assert printed == PRINTED_3
    written = json.loads(deluxe.as_printed((deluxe.root_uri / 'pipeline-config.json').read_text()))
    expected = json.loads(PIPELINE_CONFIG_3)
    assert {key: written[key] for key in expected} == expected
    messages = [(deluxe.root_uri / f'{name}.txt').read_text() for name in ('alice', 'susan')]
    assert messages == ['hola alice!!!', 'hola susan!!!']


def test_example_3_from_the_serialised_config(deluxe: Project) -> None:
    """The JSON alone brings the plugin back: nothing else names it."""
    deluxe.run('run', 'inprocess', 'my_config.py', '-a', 'root_uri', str(deluxe.root_uri))
    cfg = str(deluxe.root_uri / 'pipeline-config.json')
    printed = deluxe.run('run_command', cfg, 'print_messages')
    assert 'hola alice!!!\nhola bob!!!\nhola susan!!!\n' in printed
