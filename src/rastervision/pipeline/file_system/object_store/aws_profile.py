"""The user's AWS profiles: `~/.aws/credentials` and `~/.aws/config`."""

import configparser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from rastervision.pipeline.errors import ConfigError, did_you_mean
from rastervision.pipeline.rv_config import get_env_var

_BY_SDK = ('role_arn', 'sso_session', 'sso_start_url', 'credential_process', 'login_session')
"""Ways to credentials that take the AWS SDK."""
_MINUTES = 20
"""How long keys from a file are used before the file is read again."""


@dataclass(frozen=True, slots=True)
class AwsProfile:
    """A profile.

    Attributes:
        name: Its name.
        values: Its keys and values, of both files.
        explicit: Whether our settings name it, so that keys in the environment do not count.
    """

    name: str
    values: Mapping[str, str] = field(repr=False)
    explicit: bool = False

    @classmethod
    def find(cls, name: str | None = None) -> 'AwsProfile':
        """The profile of a name, else that of AWS_PROFILE, else the default one.

        Raises:
            ConfigError: There is no profile of the name that was asked for.
        """
        asked = name or get_env_var('AWS_PROFILE') or get_env_var('AWS_DEFAULT_PROFILE')
        profiles = _read_files()
        wanted = asked or 'default'
        if asked and wanted not in profiles:
            paths = ' or '.join(map(str, _paths()))
            raise ConfigError(
                f'There is no AWS profile {wanted!r} in {paths}.{did_you_mean(wanted, profiles)}'
            )
        return cls(wanted, profiles.get(wanted, {}), explicit=bool(name))

    def get(self, key: str) -> str | None:
        """A value of the profile."""
        return self.values.get(key)

    def credential_provider(self) -> Callable[[], Any] | None:
        """What gives the credentials of the profile; None to look for some elsewhere.

        Raises:
            ConfigError: It takes the AWS SDK, which is not there.
        """
        if get_env_var('AWS_ACCESS_KEY_ID') and not self.explicit:
            return None
        if self.get('aws_access_key_id'):
            return _KeysOfFile(self.name)
        if any(map(self.get, _BY_SDK)):
            return _sdk_provider(self.name)
        return None


@dataclass(frozen=True, slots=True)
class _KeysOfFile:
    """Reads the keys of a profile, time and again since tools renew them."""

    profile: str

    def __call__(self) -> dict[str, Any]:
        values = _read_files().get(self.profile, {})
        return {
            'access_key_id': values.get('aws_access_key_id', ''),
            'secret_access_key': values.get('aws_secret_access_key', ''),
            'token': values.get('aws_session_token'),
            'expires_at': datetime.now(UTC) + timedelta(minutes=_MINUTES),
        }


@lru_cache(maxsize=8)
def _sdk_provider(profile: str) -> Callable[[], Any]:
    """Credentials through the AWS SDK: single sign-on, roles, other programs."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise ConfigError(
            f'The AWS profile {profile!r} takes the AWS SDK; install it: '
            'pip install "rastervision[aws]".'
        ) from error
    try:
        return Boto3CredentialProvider(boto3.Session(profile_name=profile))
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f'The AWS profile {profile!r} gives no credentials: {error}') from error


def _paths() -> tuple[Path, Path]:
    shared = get_env_var('AWS_SHARED_CREDENTIALS_FILE', '~/.aws/credentials')
    config = get_env_var('AWS_CONFIG_FILE', '~/.aws/config')
    return Path(shared).expanduser(), Path(config).expanduser()


def _read_files() -> dict[str, dict[str, str]]:
    """Profile -> its values; those of the credentials file go before those of the config file."""
    shared, config = _paths()
    profiles: dict[str, dict[str, str]] = {}
    for path in (config, shared):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, 'utf-8')
        except (configparser.Error, UnicodeDecodeError) as error:
            text = str(error).splitlines()[0]
            raise ConfigError(f'{path} is not a file of AWS profiles: {text}') from None
        for section in parser.sections():
            name = section.removeprefix('profile ').strip()
            profiles.setdefault(name, {}).update(parser.items(section))
    return profiles
