"""The definition of the Apptainer image, as far as it can be checked without Apptainer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IN_IMAGE = '/opt/rastervision/'


@pytest.fixture(scope='module')
def sections() -> dict[str, list[str]]:
    """Name of a section -> its lines, without comments."""
    text = (ROOT / 'containers' / 'rastervision.def').read_text('utf-8')
    names = re.findall(r'^%(\w+)$', text, re.MULTILINE)
    bodies = re.split(r'^%\w+$', text, flags=re.MULTILINE)[1:]
    lines = [[line.strip() for line in body.splitlines()] for body in bodies]
    return {
        name: [line for line in body if line and not line.startswith('#')]
        for name, body in zip(names, lines, strict=True)
    }


def test_it_takes_the_files_that_the_docker_images_take(sections):
    copied = dict(line.split() for line in sections['files'])
    assert all((ROOT / source).exists() for source in copied)
    assert all(target == f'{IN_IMAGE}{source}' for source, target in copied.items())
    docker = (ROOT / 'docker' / 'Dockerfile.gpu').read_text('utf-8')
    sources = [
        word
        for line in re.findall(r'^COPY (.*) \S+$', docker, re.MULTILINE)
        for word in line.split()
    ]
    assert set(copied) == set(sources)


def test_it_is_built_by_the_same_commands(sections):
    docker = (ROOT / 'docker' / 'Dockerfile.gpu').read_text('utf-8')
    for step in ('pip install --no-cache-dir uv', 'docker/install.sh', 'apt-get install'):
        commands = [line for line in sections['post'] if step in line]
        assert commands
        assert all(command in docker for command in commands)


@pytest.mark.skipif(sys.platform == 'win32', reason='takes a shell')
@pytest.mark.parametrize('name', ['post', 'environment', 'test', 'runscript'])
def test_its_scripts_are_shell(sections, name):
    subprocess.run(['sh', '-n'], input='\n'.join(sections[name]), text=True, check=True)
