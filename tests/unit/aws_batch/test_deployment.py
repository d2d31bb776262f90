"""The images and the CloudFormation template; `make lint` runs their linters."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
KINDS = ['cpu', 'gpu']


def dockerfile(kind):
    """Instructions of a Dockerfile: (name, arguments), lines joined, without comments."""
    text = (ROOT / 'docker' / f'Dockerfile.{kind}').read_text()
    text = re.sub(r'^#.*\n', '', text, flags=re.MULTILINE).replace('\\\n', ' ')
    return [tuple(re.split(r'\s+', line, maxsplit=1)) for line in text.splitlines() if line]


class Loader(yaml.SafeLoader):
    """Takes tags such as !Ref for what stands behind them."""


def _plain(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    make = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else None
    return (make or loader.construct_mapping)(node, deep=True)


Loader.add_multi_constructor('!', _plain)


@pytest.fixture(scope='module')
def template():
    text = (ROOT / 'cloudformation' / 'rastervision.yaml').read_text()
    return yaml.load(text, Loader)


@pytest.mark.parametrize('kind', KINDS)
def test_images_are_built_by_the_steps_of_ci(kind):
    steps = re.compile(r'docker/install\.sh \S+ (\w+)')
    runs = ' '.join(arguments for name, arguments in dockerfile(kind) if name == 'RUN')
    makefile = (ROOT / 'Makefile').read_text()
    rule = makefile.partition('\nimage:')[2].partition('\n\n')[0]
    assert steps.findall(runs) == steps.findall(rule) == ['dependencies', 'package']
    assert 'make image' in (ROOT / '.ci' / 'run').read_text()


@pytest.mark.parametrize('kind', KINDS)
def test_what_images_copy_is_there_and_not_left_out(kind):
    lines = (ROOT / '.dockerignore').read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith('!')]
    copied = [args.split()[:-1] for name, args in dockerfile(kind) if name == 'COPY']
    assert copied
    for name in [name for names in copied for name in names]:
        assert (ROOT / name).exists()
        assert any(fnmatch(name, pattern) for pattern in kept)


def test_the_images_differ_in_their_environment_only():
    cpu, gpu = ([step for step in dockerfile(kind) if step[0] != 'ENV'] for kind in KINDS)
    assert cpu == gpu


def test_settings_of_the_template_name_what_it_makes(template):
    made = {
        name
        for resource in template['Resources'].values()
        for key, name in resource.get('Properties', {}).items()
        if key in {'JobQueueName', 'JobDefinitionName'}
    }
    settings = dict(
        line.split('=') for line in template['Outputs']['Settings']['Value'].splitlines()[1:]
    )
    assert settings.keys() == {f'{kind}_job_{part}' for kind in KINDS for part in ('queue', 'def')}
    assert set(settings.values()) <= made
    assert len([name for name in made if name.endswith('-on-demand')]) == 2


def test_only_jobs_with_gpus_ask_for_them(template):
    for kind, kinds in (('Cpu', ['VCPU', 'MEMORY']), ('Gpu', ['VCPU', 'MEMORY', 'GPU'])):
        job = template['Resources'][f'{kind}Job']['Properties']['ContainerProperties']
        assert [need['Type'] for need in job['ResourceRequirements']] == kinds
