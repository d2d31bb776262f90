import pytest

from rastervision.gdal_vsi.options import READING, gdal_options
from rastervision.pipeline.errors import NotReadableError

pytestmark = pytest.mark.usefixtures('no_clouds')


def of_store(uri: str) -> dict[str, str]:
    """The options that are about the store."""
    return {name: value for name, value in gdal_options([uri]).items() if name not in READING}


def test_s3(monkeypatch, tmp_path):
    with pytest.raises(NotReadableError, match='there are no credentials'):
        gdal_options(['s3://bucket/a.tif'])
    monkeypatch.setenv('AWS_S3_ANONYMOUS', 'yes')
    monkeypatch.setenv('AWS_S3_REQUESTER_PAYS', 'yes')
    monkeypatch.setenv('AWS_S3_REGION', 'eu-central-1')
    public = {
        'AWS_REGION': 'eu-central-1',
        'AWS_NO_SIGN_REQUEST': 'YES',
        'AWS_REQUEST_PAYER': 'requester',
    }
    assert of_store('s3://bucket/a.tif') == public
    monkeypatch.setenv('AWS_S3_ENDPOINT_URL', 'http://host:9000/base/')
    assert of_store('s3://bucket/a.tif') == {
        **public,
        'AWS_S3_ENDPOINT': 'host:9000/base',
        'AWS_HTTPS': 'NO',
        'AWS_VIRTUAL_HOSTING': 'FALSE',
    }


def test_an_aws_profile_goes_before_the_environment_where_settings_name_it(monkeypatch, tmp_path):
    (tmp_path / 'aws').mkdir()
    (tmp_path / 'aws' / 'credentials').write_text(
        '[work]\naws_access_key_id = key\naws_secret_access_key = secret\n'
    )
    monkeypatch.setenv('AWS_S3_PROFILE', 'work')
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'of another key')
    assert of_store('s3://bucket/a.tif') == {
        'AWS_REGION': 'us-east-1',
        'AWS_ACCESS_KEY_ID': 'key',
        'AWS_SECRET_ACCESS_KEY': 'secret',
        'AWS_SESSION_TOKEN': '',
    }


def test_google(monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    assert of_store('gs://bucket/a.tif') == {}
    file = tmp_path / '.config' / 'gcloud' / 'application_default_credentials.json'
    file.parent.mkdir(parents=True)
    file.touch()
    assert of_store('gs://bucket/a.tif') == {'GOOGLE_APPLICATION_CREDENTIALS': str(file)}
    monkeypatch.setenv('GCS_ANONYMOUS', 'yes')
    monkeypatch.setenv('GCS_USER_PROJECT', 'payer')
    monkeypatch.setenv('GCS_ENDPOINT_URL', 'https://host')
    assert of_store('gs://bucket/a.tif') == {
        'CPL_GS_ENDPOINT': 'https://host/',
        'GS_NO_SIGN_REQUEST': 'YES',
        'GS_USER_PROJECT': 'payer',
    }


def test_azure(monkeypatch):
    with pytest.raises(NotReadableError, match='nothing names the storage account'):
        gdal_options(['az://container/a.tif'])
    uri = 'abfs://container@account.dfs.core.windows.net/a.tif'
    assert of_store(uri) == {'AZURE_STORAGE_ACCOUNT': 'account'}
    monkeypatch.setenv('AZURE_STORAGE_ACCOUNT_KEY', 'a2V5')
    connection = 'AccountName=account;AccountKey=a2V5;BlobEndpoint='
    expected = {'AZURE_STORAGE_ACCOUNT': 'account'}
    assert of_store(uri) == expected | {
        'AZURE_STORAGE_CONNECTION_STRING': f'{connection}https://account.blob.core.windows.net'
    }
    monkeypatch.setenv('AZURE_ENDPOINT_URL', 'https://host/')
    assert of_store(uri) == expected | {
        'AZURE_STORAGE_CONNECTION_STRING': f'{connection}https://host'
    }
    monkeypatch.setenv('AZURE_ANONYMOUS', 'yes')
    assert of_store(uri)['AZURE_NO_SIGN_REQUEST'] == 'YES'
    assert 'a2V5' not in str(of_store(uri))


def test_the_environment_goes_first(monkeypatch):
    assert gdal_options(['https://host/a.tif']) == READING
    monkeypatch.setenv('GDAL_HTTP_MAX_RETRY', '1')
    assert gdal_options([]) == {k: v for k, v in READING.items() if k != 'GDAL_HTTP_MAX_RETRY'}
