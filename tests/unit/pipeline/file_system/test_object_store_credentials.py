"""Who one is to an object store, and what one pays: credentials, profiles, settings."""

import os
import sys
from http.server import BaseHTTPRequestHandler

import pytest
from faulty_proxy import FaultyProxy
from servers import KEY_ID, SECRET

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import (
    NotReadableError,
    file_exists,
    file_to_str,
    list_paths,
    str_to_file,
)


def test_no_credentials(no_clouds):
    with pytest.raises(NotReadableError, match=r's3://b/a: there are no credentials.*ANONYMOUS'):
        file_to_str('s3://b/a')


@pytest.mark.parametrize('given', [{}, {'AWS_ACCESS_KEY_ID': 'a'}, {'AWS_SECRET_ACCESS_KEY': 's'}])
def test_empty_keys_are_none_also_for_the_library_and_half_of_them_is_none(
    no_clouds, monkeypatch, given
):
    from rastervision.pipeline.file_system.object_store import aws

    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'):
        monkeypatch.setenv(name, given.get(name, ''))
    with pytest.raises(NotReadableError, match='there are no credentials'):
        file_to_str('s3://b/a')
    # on a machine of Amazon, whose role counts if there are no keys
    monkeypatch.setattr(aws, '_on_aws', True)
    monkeypatch.delenv('AWS_EC2_METADATA_DISABLED')
    if given:
        with pytest.raises(NotReadableError, match='there are no credentials'):
            file_to_str('s3://b/a')
    else:
        aws.bucket_config('b')
        assert not any(name.startswith('AWS_') and not os.environ[name] for name in os.environ)


def test_signatures_are_right_and_wrong_ones_are_said_to_be(nanio, no_clouds, monkeypatch):
    monkeypatch.setenv('AWS_ENDPOINT_URL', nanio)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    from rastervision.aws_s3 import S3FileSystem

    S3FileSystem.get_client().create_bucket(Bucket='signed')
    for name in ('a b+c%.txt', 'ä/x.txt'):
        str_to_file('x', f's3://signed/{name}')
        assert file_to_str(f's3://signed/{name}') == 'x'
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'another')
    with pytest.raises(NotReadableError, match='credentials are wrong'):
        file_to_str('s3://signed/a b+c%.txt')
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    monkeypatch.delenv('AWS_SECRET_ACCESS_KEY')
    monkeypatch.setenv('AWS_S3_ANONYMOUS', 'yes')
    with pytest.raises(NotReadableError, match=r'access denied|credentials'):
        file_to_str('s3://signed/a b+c%.txt')


@pytest.fixture
def profiles(nanio, no_clouds, tmp_path, monkeypatch):
    """Profiles of the user, which alone have the keys."""
    (tmp_path / 'aws').mkdir()
    (tmp_path / 'aws' / 'credentials').write_text(
        f'[default]\naws_access_key_id = nobody\naws_secret_access_key = x\n'
        f'[work]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n'
    )
    program = tmp_path / 'keys.py'
    program.write_text(
        'import json; print(json.dumps({"Version": 1, '
        f'"AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}"}}))'
    )
    (tmp_path / 'aws' / 'config').write_text(
        f'[profile work]\nendpoint_url = {nanio}\n'
        f'[default]\nendpoint_url = {nanio}\n'
        f'[profile sso]\nendpoint_url = {nanio}\n'
        f'credential_process = {sys.executable} {program}\n'
    )
    return tmp_path


@pytest.mark.parametrize('variable', ['AWS_PROFILE', 'AWS_S3_PROFILE'])
@pytest.mark.parametrize('name', ['work', 'sso'])
def test_profiles_of_the_user(profiles, monkeypatch, variable, name):
    if name == 'sso':
        pytest.importorskip('boto3')
    monkeypatch.setenv(variable, name)
    assert not file_exists('s3://none/a')
    monkeypatch.delenv(variable)
    with pytest.raises(NotReadableError, match=r'credentials are wrong|access denied'):
        file_exists('s3://none/a')


def test_keys_of_the_environment_go_before_profiles_but_not_before_our_own(profiles, monkeypatch):
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'nobody')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'x')
    monkeypatch.setenv('AWS_S3_PROFILE', 'work')
    assert not file_exists('s3://none/a')
    monkeypatch.delenv('AWS_S3_PROFILE')
    monkeypatch.setenv('AWS_PROFILE', 'work')
    with pytest.raises(NotReadableError, match=r'credentials are wrong|access denied'):
        file_exists('s3://none/a')


def test_a_profile_that_is_not_there(profiles, monkeypatch):
    monkeypatch.setenv('AWS_PROFILE', 'wrk')
    with pytest.raises(ConfigError, match=r"no AWS profile 'wrk'.*Did you mean work"):
        file_to_str('s3://b/a')
    (profiles / 'aws' / 'config').write_text('no section')
    with pytest.raises(ConfigError, match='is not a file of AWS profiles'):
        file_to_str('s3://b/a')


def test_a_profile_that_takes_the_sdk(profiles, monkeypatch):
    from rastervision.pipeline.file_system.object_store import aws_profile

    aws_profile._sdk_provider.cache_clear()
    monkeypatch.setitem(sys.modules, 'boto3', None)
    monkeypatch.setenv('AWS_PROFILE', 'sso')
    with pytest.raises(ConfigError, match=r'pip install "rastervision\[aws\]"'):
        file_to_str('s3://b/a')


def test_requester_pays_is_said_with_every_request(s3, faulty, monkeypatch):
    seen = []
    pass_on = faulty.pass_on
    faulty.every = 0
    monkeypatch.setattr(
        faulty,
        'pass_on',
        lambda handler: (seen.append(handler.headers.get('x-amz-request-payer')), pass_on(handler)),
    )
    str_to_file('x', f'{s3}/a')
    assert set(seen) == {None}
    seen.clear()
    monkeypatch.setenv('AWS_S3_REQUESTER_PAYS', 'True')
    str_to_file('x', f'{s3}/a')
    assert file_to_str(f'{s3}/a') == 'x'
    assert list_paths(s3)
    assert set(seen) == {'requester'}


class Busy(FaultyProxy):
    """A server that is too busy twice, then has one byte for everybody; keeps the headers."""

    def pass_on(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests += 1
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        handler.send_response(429 if self.requests < 3 else 200)
        handler.send_header('Content-Length', '0' if self.requests < 3 else '1')
        handler.send_header('ETag', '"1"')
        handler.send_header('Last-Modified', 'Fri, 20 Nov 2026 10:00:00 GMT')
        handler.end_headers()
        if self.requests >= 3:
            handler.wfile.write(b'x')


@pytest.mark.parametrize('scheme', ['s3', 'gs', 'az'])
def test_public_data_is_asked_for_without_credentials(no_clouds, monkeypatch, scheme):
    section = {'s3': 'AWS_S3', 'gs': 'GCS', 'az': 'AZURE'}[scheme]
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY_ID)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', SECRET)
    monkeypatch.setenv('AZURE_ACCOUNT_NAME', 'account')
    monkeypatch.setenv('GCS_USER_PROJECT', 'payer')
    with Busy('').serving() as server:
        monkeypatch.setenv(f'{section}_ENDPOINT_URL', server.url)
        monkeypatch.setenv(f'{section}_ANONYMOUS', 'yes')
        assert file_to_str(f'{scheme}://b/a') == 'x'
        assert 'authorization' not in server.headers
        assert server.headers.get('x-goog-user-project') == ('payer' if scheme == 'gs' else None)
        assert server.requests == 3


def test_settings_of_stores_travel_and_credentials_do_not(s3, monkeypatch):
    from rastervision.pipeline import registry_

    monkeypatch.setenv('AWS_S3_ENDPOINT_URL', os.environ['AWS_ENDPOINT_URL'])
    monkeypatch.setenv('AWS_S3_PROFILE', 'work')
    registry_.load_builtins()
    kept = rv_config_.get_config_dict(registry_.get_rv_config_schema())
    assert kept['AWS_S3_ENDPOINT_URL'] == os.environ['AWS_ENDPOINT_URL']
    assert not {'AWS_S3_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'} & kept.keys()
