"""Load modules through a `hubconf.py`: from a folder, a zip file or a GitHub repository.

The code found there is executed, so call these for code that the user named or trusts only.
"""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.errors import ConfigError, did_you_mean
from rastervision.pipeline.file_system import download_if_needed, unzip

if TYPE_CHECKING:
    from rastervision.pytorch_learner.external_module import ExternalModuleConfig

HUBCONF = 'hubconf.py'
_NOT_COPIED = shutil.ignore_patterns('__pycache__', '.git', '.ipynb_checkpoints')


def get_hubconf_dir_from_cfg(cfg: 'ExternalModuleConfig', parent: str | None = '') -> str:
    """The folder in which the code of an external module is kept.

    Args:
        cfg: The external module.
        parent: Folder that the folder is in.

    Returns:
        `cfg.name` below `parent`; without a name, one made from its uri or repository.

    Raises:
        ConfigError: The name is no plain name of a folder, or none can be made.
    """
    name = cfg.name
    if name is None:
        source = cfg.uri or (cfg.github_repo or '').replace('/', '_')
        if Path(source).is_dir():
            source = os.path.abspath(source)  # noqa: PTH100  links keep their names
        stem = re.split(r'[/\\]', source.rstrip('/\\'))[-1].removesuffix('.zip')
        name = re.sub(r'[^\w.-]', '_', stem)
    if not is_folder_name(name):
        raise ConfigError(f"'{name}' is no name for a folder of code; give the module a name.")
    return str(Path(parent or '', name))


def is_folder_name(name: str) -> bool:
    """Tell whether a name is that of a folder within another one, and no path to elsewhere."""
    return bool(name.strip(' .')) and not set(name) & set('/\\:\0')


def has_hubconf(folder: str) -> bool:
    """Tell whether a folder holds code that `torch_hub_load_local` can load."""
    return Path(folder, HUBCONF).is_file()


def torch_hub_load_github(
    repo: str, entrypoint: str, *args: Any, dst_dir: str | None = None, **kwargs: Any
) -> Any:
    """Download a GitHub repository and call an entrypoint of its `hubconf.py`.

    Args:
        repo: `owner/name`, or `owner/name:reference` for a branch, tag or commit.
        entrypoint: Name of the callable.
        args: Its positional arguments.
        dst_dir: Folder to keep the code in; code that is there is replaced.
        kwargs: Its keyword arguments.

    Raises:
        NotReadableError: If it cannot be downloaded.
        ConfigError: As `torch_hub_load_local`.
    """
    name, _, reference = repo.partition(':')
    uri = f'https://github.com/{name}/archive/{reference or "HEAD"}.zip'
    return torch_hub_load_uri(uri, entrypoint, *args, dst_dir=dst_dir, **kwargs)


def torch_hub_load_uri(
    uri: str, entrypoint: str, *args: Any, dst_dir: str | None = None, **kwargs: Any
) -> Any:
    """Copy code from a folder or zip file and call an entrypoint of its `hubconf.py`.

    Args:
        uri: A local folder, or the URI of a zip file whose only folder or root has the code.
        entrypoint: Name of the callable.
        args: Its positional arguments.
        dst_dir: Folder to keep the code in; code that is there is replaced. Without one, a local
            folder is used where it lies.
        kwargs: Its keyword arguments.

    Raises:
        NotReadableError: If there is nothing at the URI.
        ConfigError: As `torch_hub_load_local`; or something else than code is in `dst_dir`.
    """
    if Path(uri).is_dir():
        hubconf_dir = uri if dst_dir is None else _copy(Path(uri), dst_dir)
        return torch_hub_load_local(hubconf_dir, entrypoint, *args, **kwargs)
    with TemporaryDirectory() as tmp_dir:
        zip_path = download_if_needed(uri, tmp_dir)
        unpacked = Path(tmp_dir, 'unpacked')
        unzip(zip_path, str(unpacked))
        inner = [p for p in unpacked.iterdir() if p.is_dir()]
        code = inner[0] if len(inner) == 1 and not has_hubconf(str(unpacked)) else unpacked
        hubconf_dir = str(code) if dst_dir is None else _copy(code, dst_dir)
        return torch_hub_load_local(hubconf_dir, entrypoint, *args, **kwargs)


def torch_hub_load_local(hubconf_dir: str, entrypoint: str, *args: Any, **kwargs: Any) -> Any:
    """Call an entrypoint of the `hubconf.py` in a folder.

    Args:
        hubconf_dir: The folder; the modules in it can be imported by `hubconf.py`.
        entrypoint: Name of the callable.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        What the callable returns.

    Raises:
        ConfigError: If the file, a package it depends on or the entrypoint is missing, or if the
            code fails.
    """
    path = Path(hubconf_dir, HUBCONF)
    if not path.is_file():
        raise ConfigError(f'There is no {HUBCONF} in {hubconf_dir}; an external module needs one.')
    with _import_path(hubconf_dir):
        module = _import(path)
        function = getattr(module, entrypoint, None)
        if not callable(function) or entrypoint.startswith('_'):
            names = [n for n, v in vars(module).items() if callable(v) and not n.startswith('_')]
            raise ConfigError(
                f"{path} has no entrypoint '{entrypoint}'.{did_you_mean(entrypoint, names)} "
                f'It has: {", ".join(names) or "none"}.'
            )
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise ConfigError(
                f"The entrypoint '{entrypoint}' of {path} failed: {type(error).__name__}: {error}"
            ) from error


@contextmanager
def _import_path(folder: str) -> Iterator[None]:
    """Let imports find the modules in a folder, even where others of that name are loaded."""
    own = {p.stem for p in Path(folder).glob('*.py')}
    own |= {p.parent.name for p in Path(folder).glob('*/__init__.py')}
    hidden = {n: sys.modules.pop(n) for n in list(sys.modules) if n.partition('.')[0] in own}
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.modules.update(hidden)


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('hubconf', path)
    if spec is None or spec.loader is None:
        raise ConfigError(f'{path} cannot be loaded as Python code.')
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f'{path} failed: {type(error).__name__}: {error}') from error
    needed = getattr(module, 'dependencies', [])
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f'{path} needs packages that are not installed: {", ".join(missing)}.')
    return module


def _copy(source: Path, dst_dir: str) -> str:
    """Copy code; what is replaced has to be code, too."""
    target = Path(dst_dir)
    old, new = target.resolve(), source.resolve()
    if old == new:
        return dst_dir
    if old in new.parents or new in old.parents:
        raise ConfigError(
            f'The code in {source} cannot be copied to {target}: one is in the other.'
        )
    if target.exists():
        if not has_hubconf(dst_dir) and any(target.iterdir()):
            raise ConfigError(
                f'{target} is not replaced by the code in {source}: it has no {HUBCONF}, so it '
                'holds something else. Give the module another name, or delete that folder.'
            )
        shutil.rmtree(target)
    shutil.copytree(source, target, ignore=_NOT_COPIED)
    return dst_dir
