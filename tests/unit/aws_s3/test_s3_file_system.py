"""The names of release 0.31 do what they did there."""

import sys

import pytest

from rastervision.aws_s3 import S3FileSystem, register_plugin
from rastervision.aws_s3.s3_file_system import (
    get_matching_s3_keys,
    get_matching_s3_objects,
    progressbar,
)
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.registry import Registry


@pytest.fixture
def files(s3):
    """A bucket with three files, as (URI of the bucket, its name)."""
    for name in ('d/x.txt', 'd/sub/y.txt', 'd/z.tif'):
        S3FileSystem.write_str(f'{s3}/{name}', '1')
    return s3, s3.removeprefix('s3://')


def test_directories_are_listed_with_a_slash(files):
    uri, _ = files
    assert S3FileSystem.list_paths(f'{uri}/d') == [
        f'{uri}/d/{n}' for n in ('sub/', 'x.txt', 'z.tif')
    ]
    assert S3FileSystem.list_paths(f'{uri}/d/', ext='.txt') == [f'{uri}/d/x.txt']
    assert len(S3FileSystem.list_paths(f'{uri}/d/', delimiter='')) == 3


def test_what_exists(files):
    uri, _ = files
    assert S3FileSystem.file_exists(f'{uri}/d')
    assert not S3FileSystem.file_exists(f'{uri}/d/x')
    assert not S3FileSystem.file_exists(f'{uri}/d', include_dir=False)
    assert S3FileSystem.last_modified(f'{uri}/d/x.txt').tzinfo is not None


def test_uris(no_clouds, monkeypatch, tmp_path):
    assert S3FileSystem.parse_uri('s3://b/d/x.txt') == ('b', 'd/x.txt')
    assert S3FileSystem.local_path('s3://b/d/x.txt', 'dl').replace('\\', '/') == 'dl/s3/b/d/x.txt'
    assert S3FileSystem.matches_uri('S3://b/x', 'r')
    assert not S3FileSystem.matches_uri('gs://b/x', 'r')
    assert S3FileSystem.get_request_payer() == 'None'
    monkeypatch.setenv('AWS_S3_REQUESTER_PAYS', 'True')
    assert S3FileSystem.get_request_payer() == 'requester'


def test_keys_are_those_of_the_sdk(files):
    pytest.importorskip('boto3')
    _, bucket = files
    assert list(get_matching_s3_keys(bucket, 'd/')) == ['d/sub/', 'd/x.txt', 'd/z.tif']
    assert list(get_matching_s3_keys(bucket, 'd/', '.txt', delimiter='')) == [
        'd/sub/y.txt',
        'd/x.txt',
    ]
    sizes = {key: about['Size'] for key, about in get_matching_s3_objects(bucket, 'd/x')}
    assert sizes == {'d/x.txt': 1}


def test_the_sdk_is_named_where_it_is_missing(no_clouds, monkeypatch):
    monkeypatch.setitem(sys.modules, 'boto3', None)
    with pytest.raises(ConfigError, match=r'pip install "rastervision\[aws\]"'):
        S3FileSystem.get_client()


def test_the_plugin_registers_it():
    registry = Registry()
    register_plugin(registry)
    assert registry.get_plugin_version('rastervision.aws_s3') == 0
    assert registry.get_file_system('s3://b/x') is S3FileSystem


def test_progress_is_counted():
    with progressbar(10, 'copying') as advance:
        advance(10)
