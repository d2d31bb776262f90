"""Reading settings from files and making values of their text."""

import ast
import configparser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rastervision.pipeline.errors import ConfigError

TRUE_WORDS = frozenset({'true', 't', 'yes', 'y', 'on', '1'})
FALSE_WORDS = frozenset({'false', 'f', 'no', 'n', 'off', '0', ''})
_NEITHER = 'is neither a [SECTION] nor key = value'


def parse_bool(text: str) -> bool:
    """Read a boolean setting such as 'True', 'no' or '1'.

    Raises:
        ConfigError: The text is none of the known words.
    """
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ConfigError(f'{text!r} is not a boolean; write True or False.')


def load_conf_list(s: str | list[str]) -> list[str]:
    """Read a setting that is a list: 'a, b', or '["a", "b"]' as older profiles have it.

    Raises:
        ConfigError: The text starts like a JSON list and is none.
    """
    if not isinstance(s, str):
        return list(s)
    text = s.strip()
    if not text.startswith('['):
        return [item.strip() for item in text.split(',') if item.strip()]
    try:
        return [str(item) for item in ast.literal_eval(text)]
    except (SyntaxError, ValueError) as e:
        raise ConfigError(
            f'{s!r} is not a list; separate the items with commas, or write ["a", "b"].'
        ) from e


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """An INI file of settings.

    Attributes:
        path: The file.
        keys: Section and key of each setting, as they are written there, keys in lower case.
        values: Name as in the environment -> value.
    """

    path: Path
    keys: tuple[tuple[str, str], ...]
    values: Mapping[str, str]


def read_ini(path: Path) -> SettingsFile:
    """Read an INI file.

    Raises:
        ConfigError: The file cannot be read or is not an INI file.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_read_text(path), source=str(path))
    except configparser.Error as e:
        raise _malformed(path, e) from e
    return SettingsFile(
        path,
        tuple((s, k) for s in parser.sections() for k in parser[s] if k not in parser.defaults()),
        {
            setting_name(section, key): value
            for section in parser.sections()
            for key, value in parser.items(section)
        },
    )


def _malformed(path: Path, error: configparser.Error) -> ConfigError:
    """The first fault of an INI file, in one line."""
    match error:
        case configparser.DuplicateSectionError():
            number, fault = error.lineno, f'[{error.section}] is there twice'
        case configparser.DuplicateOptionError():
            number, fault = error.lineno, f'{error.option} is twice in [{error.section}]'
        case configparser.MissingSectionHeaderError() if '=' in error.line:
            number, fault = error.lineno, f'{error.line.strip()!r} stands before any [SECTION]'
        case configparser.MissingSectionHeaderError():
            number, fault = error.lineno, f'{error.line.strip()!r} {_NEITHER}'
        case configparser.ParsingError():
            number, line = error.errors[0]
            fault = f'{ast.literal_eval(line).strip()!r} {_NEITHER}'
        case _:
            return ConfigError(f'{path} is not an INI file: {error}')
    return ConfigError(f'{path}, line {number}: {fault}.')


def read_dotenv(path: Path) -> dict[str, str]:
    """Read a file of NAME=value lines; an absent file is empty.

    Raises:
        ConfigError: The file cannot be read.
    """
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    values = dotenv_values(stream=StringIO(_read_text(path)))
    return {name.upper(): value for name, value in values.items() if value is not None}


def _read_text(path: Path) -> str:
    try:
        return path.read_text('utf-8')
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f'Cannot read the settings in {path}: {e}') from e


def setting_name(section: str, key: str) -> str:
    """Name of a setting in the environment."""
    return f'{section}_{key}'.upper()


def parse(name: str, text: str, parser: Callable[[str], Any]) -> Any:
    """Make the value of a setting's text.

    Raises:
        ConfigError: The text cannot be read; the message names the setting.
    """
    try:
        return (parse_bool if parser is bool else parser)(text)
    except (TypeError, ValueError) as e:
        raise ConfigError(f'The setting {name} has the value {text!r}: {e}') from e
