import pytest

from rastervision.gdal_vsi import VsiFileSystem
from rastervision.gdal_vsi.names import VirtualFile, files_within, from_vsi, is_virtual, to_vsi


@pytest.mark.parametrize(
    ('uri', 'name'),
    [
        ('/a/b.tif', '/a/b.tif'),
        ('file:///a/b%20c.tif', '/a/b c.tif'),
        ('s3://bucket/a/b.tif', '/vsis3/bucket/a/b.tif'),
        ('s3a://bucket/a.tif', '/vsis3/bucket/a.tif'),
        ('gs://bucket/a.tif', '/vsigs/bucket/a.tif'),
        ('az://container/a.tif', '/vsiaz/container/a.tif'),
        ('abfs://box@account.dfs.core.windows.net/a.tif', '/vsiaz/box/a.tif'),
        ('https://host/a.tif?sig=x', '/vsicurl/https://host/a.tif?sig=x'),
        ('ftp://host/a.tif', '/vsicurl/ftp://host/a.tif'),
        ('zip:///a/b.zip!c/d.tif', '/vsizip/{/a/b.zip}/c/d.tif'),
        ('zip+s3://bucket/b.zip!d.tif', '/vsizip/{/vsis3/bucket/b.zip}/d.tif'),
        ('tar+https://host/b.tgz!d.tif', '/vsitar/{/vsicurl/https://host/b.tgz}/d.tif'),
        ('gzip+gs://bucket/a.tif.gz', '/vsigzip//vsigs/bucket/a.tif.gz'),
        ('/vsis3/bucket/a.tif', '/vsis3/bucket/a.tif'),
        ('<VRTDataset/>', '<VRTDataset/>'),
    ],
)
def test_names_of_gdal(uri, name):
    assert to_vsi(uri) == VsiFileSystem.uri_to_vsi_path(uri) == name


@pytest.mark.parametrize('uri', ['s3://', 'zip+s3://bucket/a.zip', 'tar:///a.tar'])
def test_names_that_are_not_complete(uri):
    with pytest.raises(ValueError, match='names no'):
        to_vsi(uri)


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('/vsis3/bucket/a.tif', VirtualFile('s3://bucket/a.tif')),
        ('/vsis3_streaming/bucket/a.tif', VirtualFile('s3://bucket/a.tif')),
        ('/vsicurl/https://host/a.tif?x=1', VirtualFile('https://host/a.tif?x=1')),
        ('/vsicurl?max_retry=3&url=https%3A//host/a.tif', VirtualFile('https://host/a.tif')),
        ('/vsizip//a/b.zip/c.tif', VirtualFile('/a/b.zip', 'zip', 'c.tif')),
        ('/vsizip/a/b.zip/c/d.tif', VirtualFile('a/b.zip', 'zip', 'c/d.tif')),
        ('/vsizip//a/b.zip', VirtualFile('/a/b.zip', 'zip', '')),
        ('/vsizip/{/a/b.other}/c.tif', VirtualFile('/a/b.other', 'zip', 'c.tif')),
        ('/vsizip/vsis3/bucket/b.zip/c.tif', VirtualFile('s3://bucket/b.zip', 'zip', 'c.tif')),
        ('/vsizip//vsis3/bucket/b.zip/c.tif', VirtualFile('s3://bucket/b.zip', 'zip', 'c.tif')),
        ('/vsitar/a.zip.d/b.tar.gz/c.tif', VirtualFile('a.zip.d/b.tar.gz', 'tar', 'c.tif')),
        ('/vsigzip//a/b.tif.gz', VirtualFile('/a/b.tif.gz', 'gzip')),
        (
            '/vsizip/{/vsitar/{/a/b.tar}/c.zip}/d.tif',
            VirtualFile('/vsitar/{/a/b.tar}/c.zip', 'zip', 'd.tif'),
        ),
        ('zip+s3://bucket/b.zip!d.tif', VirtualFile('s3://bucket/b.zip', 'zip', 'd.tif')),
        ('/vsimem/a.tif', None),
        ('/vsizip/vsimem/a.zip/b.tif', None),
        ('/vsizip/nothing', None),
    ],
)
def test_what_names_stand_for(name, file):
    assert from_vsi(name) == file
    assert is_virtual(name)


def test_remote_files_within_names():
    s3 = 's3://bucket/a.zip'
    assert files_within('/vsizip/{/vsitar/{/vsis3/bucket/a.zip}/c.zip}/d.tif') == [s3]
    assert files_within('/vsizip//a/b.zip/c.tif') == []
    assert files_within('/vsimem/a.tif') == []
    source = '<SourceFilename relativeToVRT="0">{}</SourceFilename>'
    names = ['/vsis3/bucket/a.zip', '/a/b.tif', '/vsicurl/https://h/a?x=1&amp;y=2']
    names.append(names[0])
    xml = f'<VRTDataset>{"".join(map(source.format, names))}</VRTDataset>'
    assert files_within(xml) == [s3, 'https://h/a?x=1&y=2']


def test_parts_of_archive_uris():
    assert VsiFileSystem.parse_archive_format('zip+s3://b/a.zip!c.tif') == {
        'archive_scheme': 'zip',
        'archive_uri': 's3://b/a.zip',
        'file_path': 'c.tif',
    }
    assert VsiFileSystem.parse_archive_format('s3://b/a+b.zip') is None
