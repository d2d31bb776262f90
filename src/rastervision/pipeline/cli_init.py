"""The command `init`: a new project from the template that comes with the package."""

import re
import warnings
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

from rastervision.pipeline.errors import ConfigError, NotWritableError

TEMPLATE = Path(__file__).parent / 'project_template'
TASKS = ('chip_classification', 'chip_regression', 'object_detection', 'semantic_segmentation')
BACKGROUND = 'background'
HAVE_BACKGROUND = {'chip_classification', 'semantic_segmentation'}
TAKEN = {'build', 'config', 'data', 'rastervision', 'slurm', 'tests'}
"""Names that a package of a project cannot have: of what lies beside it, and of ours."""


@click.command('init', short_help='Make a new project.')
@click.argument('path', metavar='NAME', type=click.Path(path_type=Path))
@click.option(
    '--task',
    type=click.Choice(TASKS),
    default='semantic_segmentation',
    show_default=True,
    help='What the model does.',
)
@click.option(
    '--classes',
    default='building',
    show_default=True,
    help='Names of the classes, with commas between them. The background need not be named. '
    'For chip_regression, names of the numbers to predict.',
)
def init(path: Path, task: str, classes: str) -> None:
    """Make a project in a new folder NAME.

    It has a config for the task, a package with a plugin, tests, and files for Docker and SLURM.
    """
    make_project(path, task, classes.split(','))
    click.echo(f'{path} is a new project; its README.md tells what to do with it.')


def make_project(path: Path, task: str, classes: list[str]) -> None:
    """Write a project.

    Args:
        path: Its folder, which is not there yet, or is empty.
        task: One of `TASKS`.
        classes: Names of the classes, or of the numbers to predict.

    Raises:
        ConfigError: The name or a class cannot be used, the folder has files in it, or copier is
            not installed.
        NotWritableError: The folder cannot be written.
    """
    answers = {
        'name': path.absolute().name,
        'package': package_name(path),
        'task': task,
        'classes': _classes(classes, task),
    }
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f'{path} is there already; choose another name, or move it away.')
    try:
        import copier
    except ImportError as error:
        raise ConfigError(
            'rastervision init needs copier: pip install "rastervision[init]".'
        ) from error
    try:
        copier.run_copy(str(TEMPLATE), path, data=answers, defaults=True, quiet=True)
    except OSError as error:
        raise NotWritableError(f'Cannot write {path}: {error.strerror or error}.') from error


def package_name(path: Path) -> str:
    """The name of the package of a project.

    Raises:
        ConfigError: None can be made of the name of the folder, or it is that of a module.
    """
    name = path.absolute().name
    package = re.sub(r'[-. ]+', '_', name).lower()
    if not re.fullmatch(r'[a-z][a-z0-9_]*', package) or iskeyword(package):
        raise ConfigError(
            f'{name!r} cannot be the name of a Python package; take letters, digits, "-" and "_", '
            f'with a letter first.'
        )
    if package in TAKEN or _is_module(package):
        raise ConfigError(f'{package!r} is the name of another module; choose another name.')
    return package


def _is_module(name: str) -> bool:
    with warnings.catch_warnings(action='ignore'):  # of modules that Python is to lose
        spec = find_spec(name)
    return spec is not None and spec.origin is not None  # else it is a folder without modules


def _classes(names: list[str], task: str) -> list[str]:
    """The names of all classes, the background among them where the task has one."""
    classes = [name.strip() for name in names]
    for name in classes:
        if not re.fullmatch(r'\w[\w -]*', name):
            raise ConfigError(
                f'{name!r} cannot be a class; take letters, digits, "-", "_" and blanks.'
            )
    if len(set(classes)) < len(classes):
        raise ConfigError(f'The classes must differ, got {", ".join(classes)}.')
    if task in HAVE_BACKGROUND and BACKGROUND not in classes:
        classes.append(BACKGROUND)
    return classes
