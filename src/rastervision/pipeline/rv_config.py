"""Settings of this process: the only reader of environment variables.

A setting has a section and a key, such as `[batch]` and `gpu_job_queue`. It is looked up, in this
order, in

1. the overrides of the command line or of a serialised pipeline config,
2. the environment, as `BATCH_GPU_JOB_QUEUE`,
3. the file `.env` in the working directory, under the same name,
4. the INI file that the environment variable `RV_CONFIG` names,
5. the INI file of the profile, `~/.rastervision/default` unless told otherwise,

and then takes its default. Sections and keys may be written in either case. Environment variables
that are no settings of a section: `RV_PROFILE` names the profile, `RV_CONFIG_DIR` the folder of
the profiles, `RV_CONFIG` an INI file that goes before the profile, `TMPDIR` the folder for
temporary files.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rastervision.pipeline.errors import ConfigError, NotWritableError, did_you_mean
from rastervision.pipeline.setting_values import (
    SettingsFile,
    load_conf_list,
    parse,
    read_dotenv,
    read_ini,
    setting_name,
)
from rastervision.pipeline.verbosity import Verbosity

DEFAULT_PROFILE = 'default'
LOG_LEVELS = {
    Verbosity.QUIET: logging.WARNING,
    Verbosity.NORMAL: logging.INFO,
    Verbosity.VERBOSE: logging.DEBUG,
    Verbosity.VERY_VERBOSE: logging.DEBUG,
    Verbosity.DEBUG: logging.DEBUG,
}


class _Missing:
    """Stands for a default that was not given."""


_MISSING = _Missing()


def get_env_var(
    key: str, default: Any = None, out_type: type | Callable[[str], Any] | None = None
) -> Any:
    """Value of an environment variable.

    Args:
        key: Name of the variable.
        default: Returned as it is when the variable is not set.
        out_type: Makes the value of the text; `bool` reads True, False, yes, no, 1, 0 ...

    Raises:
        ConfigError: The text cannot be read.
    """
    text = os.environ.get(key)
    return default if text is None else parse(key, text, out_type or str)


def child_environment(**defaults: str) -> dict[str, str]:
    """The environment for a child process: that of this one, and defaults for what it lacks."""
    return {**defaults, **os.environ}


def unset_empty(names: Iterable[str]) -> None:
    """Take away environment variables that are set to nothing, for libraries that read them.

    An empty one is as good as none in the shell, and a value to some libraries.
    """
    for name in names:
        if os.environ.get(name) == '':
            del os.environ[name]


class NamespaceConfig:
    """The settings of one section: `settings('gpu_job_queue', default='q', parser=str)`."""

    def __init__(self, section: str, lookup: Callable[[str], str | None]) -> None:
        self.section = section
        self._lookup = lookup

    def __call__(
        self,
        key: str,
        default: Any = _MISSING,
        parser: Callable[[str], Any] = str,
        raise_error: bool = True,
    ) -> Any:
        """Look up a setting.

        Args:
            key: Name of the setting within the section.
            default: Taken when the setting is nowhere; a string goes through the parser.
            parser: Makes the value of the text. `bool` reads True, False, yes, no, 1, 0 ...
            raise_error: Whether a missing setting without default is an error, or None.

        Raises:
            ConfigError: The setting is missing, or its text cannot be read.
        """
        name = setting_name(self.section, key)
        text = self._lookup(name)
        if text is None:
            if isinstance(default, _Missing):
                if not raise_error:
                    return None
                raise ConfigError(
                    f'The setting {key!r} of section [{self.section}] is missing. Set {name} in '
                    f'the environment, or {key} below [{self.section}] in your profile.'
                )
            if not isinstance(default, str):
                return default
            text = default
        return parse(name, text, parser)


class RVConfig:
    """Settings, temporary folders and verbosity of this process."""

    def __init__(self) -> None:
        self._verbosity = Verbosity.NORMAL
        self._profile: str | None = None
        self._home: Path | None = None
        self._overrides: dict[str, str] = {}
        self._dotenv: dict[str, str] | None = None
        self._files: list[SettingsFile] | None = None
        self._tmp_dir_root: str | None = None
        self._cache_dir: tempfile.TemporaryDirectory[str] | None = None

    # Verbosity

    def set_verbosity(self, verbosity: Verbosity | int = Verbosity.NORMAL) -> None:
        """Set how much is said; values beyond the highest level mean the highest."""
        self._verbosity = Verbosity(min(max(int(verbosity), Verbosity.QUIET), Verbosity.DEBUG))
        logging.getLogger('rastervision').setLevel(LOG_LEVELS[self._verbosity])

    def get_verbosity(self) -> Verbosity:
        """How much is said."""
        return self._verbosity

    def get_verbosity_cli_opt(self) -> str:
        """The option that gives a new process the same verbosity, such as '-vv' or ''."""
        steps = self._verbosity - Verbosity.NORMAL
        return f'-{"v" * steps}' if steps > 0 else ''

    # Temporary folders

    def get_tmp_dir(self) -> 'tempfile.TemporaryDirectory[str]':
        """A new temporary folder, deleted with the returned object or at its `with` block's end.

        Raises:
            NotWritableError: The folder for temporary files cannot be written.
        """
        root = self.get_tmp_dir_root()
        try:
            Path(root).mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryDirectory(dir=root)
        except OSError as e:
            raise NotWritableError(
                f'Cannot make a temporary folder in {root} ({e.strerror or e}); name a writable '
                f'folder with --tmpdir or in the environment variable TMPDIR.'
            ) from e

    def get_tmp_dir_root(self) -> str:
        """Folder of temporary folders.

        The option `--tmpdir`, else TMPDIR of the environment or of `.env`, else the setting
        `tmp_dir` of section `[RV]`, else the folder that the system uses.
        """
        if self._tmp_dir_root is not None:
            return self._tmp_dir_root
        named = self._variable('TMPDIR') or self.get_namespace_option('RV', 'tmp_dir')
        return str(Path(named).expanduser()) if named else tempfile.gettempdir()

    def set_tmp_dir_root(self, tmp_dir_root: str | None = None) -> None:
        """Set the folder of temporary folders; None returns to the settings."""
        self._tmp_dir_root = None if tmp_dir_root is None else str(Path(tmp_dir_root).expanduser())

    def get_cache_dir(self) -> 'tempfile.TemporaryDirectory[str]':
        """The temporary folder of downloaded files: one per process, deleted at its end."""
        if self._cache_dir is None:
            self._cache_dir = self.get_tmp_dir()
        return self._cache_dir

    # Settings

    def set_everett_config(
        self,
        profile: str | None = None,
        rv_home: str | None = None,
        config_overrides: Mapping[str, str] | None = None,
    ) -> None:
        """Choose where settings are read from. The name is that of release 0.31.

        Args:
            profile: Name of the profile. Default: the environment variable RV_PROFILE, else
                'default'.
            rv_home: Folder of the profiles. Default: the environment variable RV_CONFIG_DIR, else
                `~/.rastervision`.
            config_overrides: Values that go before all others, by name as in the environment.

        Raises:
            ConfigError: A file that was asked for is missing or not an INI file.
        """
        self._profile = profile
        self._home = Path(rv_home).expanduser() if rv_home else None
        self._overrides = {k.upper(): str(v) for k, v in (config_overrides or {}).items()}
        self._dotenv = read_dotenv(Path('.env'))
        self._files = self._read_files()

    def get_namespace_config(self, namespace: str) -> NamespaceConfig:
        """The settings of a section, as a function of the key."""
        return NamespaceConfig(namespace, self._lookup)

    def get_namespace_option(
        self, namespace: str, key: str, default: Any = None, as_bool: bool = False
    ) -> Any:
        """Look up one setting.

        Args:
            namespace: The section.
            key: Name of the setting.
            default: Returned as it is when the setting is nowhere.
            as_bool: Read the value as a boolean.

        Raises:
            ConfigError: The value is not a boolean and should be.
        """
        parser: Callable[[str], Any] = bool if as_bool else str
        value = self.get_namespace_config(namespace)(key, parser=parser, raise_error=False)
        return default if value is None else value

    def get_config_dict(self, rv_config_schema: Mapping[str, list[str]]) -> dict[str, str]:
        """The settings that a schema names and that have a value, by name as in the environment.

        Args:
            rv_config_schema: Section -> keys.
        """
        names = [setting_name(s, key) for s, keys in rv_config_schema.items() for key in keys]
        values = {name: self._lookup(name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def files(self) -> list[SettingsFile]:
        """The INI files that settings come from, in the order of precedence."""
        if self._files is None:
            self._files = self._read_files()
        return self._files

    def place_of(self, namespace: str, key: str) -> str | None:
        """Where a setting has its value from, such as the path of a file; None if it has none."""
        name = setting_name(namespace, key)
        return next((place for place, values in self._places() if name in values), None)

    # Child processes

    def hand_over(self) -> dict[str, Any]:
        """What a child process needs, as JSON knows it, to have the settings of this one."""
        return {
            'profile': self._profile,
            'rv_home': None if self._home is None else str(self._home),
            'overrides': self._overrides,
            'tmp_dir_root': self._tmp_dir_root,
            'verbosity': int(self._verbosity),
        }

    def take_over(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that the parent process has handed over."""
        self.set_everett_config(settings['profile'], settings['rv_home'], settings['overrides'])
        self.set_tmp_dir_root(settings['tmp_dir_root'])
        self.set_verbosity(settings['verbosity'])

    # Look-up

    def _lookup(self, name: str) -> str | None:
        """Value of a setting, by its name in the environment."""
        return next((values[name] for _, values in self._places() if name in values), None)

    def _places(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Where settings are looked up: what the place is called, and what is there, by name."""
        yield 'the settings that go with the config', self._overrides
        yield 'the environment', os.environ
        yield '.env', self._env_file()
        for file in self.files():
            yield str(file.path), file.values

    def _variable(self, name: str) -> str | None:
        """Value of an environment variable that is no setting of a section."""
        return os.environ.get(name) or self._env_file().get(name)

    def _env_file(self) -> dict[str, str]:
        if self._dotenv is None:
            self._dotenv = read_dotenv(Path('.env'))
        return self._dotenv

    def _read_files(self) -> list[SettingsFile]:
        """Read the file of RV_CONFIG and the profile, in the order of precedence."""
        files: list[SettingsFile] = []
        named_file = self._variable('RV_CONFIG')
        if named_file:
            path = Path(named_file).expanduser()
            if not path.is_file():
                raise ConfigError(f'The environment variable RV_CONFIG names {path}: no such file.')
            files.append(read_ini(path))

        home = self._home or Path(self._variable('RV_CONFIG_DIR') or '~/.rastervision').expanduser()
        asked = self._profile or self._variable('RV_PROFILE')
        path = home / (asked or DEFAULT_PROFILE)
        if path.is_file():
            files.append(read_ini(path))
        elif asked:
            names = sorted(p.name for p in home.iterdir() if p.is_file()) if home.is_dir() else []
            known = f'Profiles there: {", ".join(names)}.' if names else 'There are no profiles.'
            raise ConfigError(
                f'There is no profile {asked!r} in {home}.{did_you_mean(asked, names)} {known}'
            )
        return files


__all__ = ['NamespaceConfig', 'RVConfig', 'get_env_var', 'load_conf_list']
