"""What arguments of `predict` name, and what the outputs of images are called."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.data.label_store import ss_join
from rastervision.core.image_list import (
    RECORD,
    ListedImage,
    find_images,
    is_one_image,
    kind_of,
    may_exist,
    output_names,
)
from rastervision.pipeline import registry_
from rastervision.pipeline.errors import ConfigError, NotReadableError, RVError
from rastervision.pipeline.file_system import LocalFileSystem


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Images, what lies beside images, and subfolders; it is the working directory."""
    names = [
        'b.tif', 'a.TIF', 'c.vrt', 'a.TIF.aux.xml', 'a.TIF.ovr', 'a.tfw', '._a.tif', 'notes.md',
        'sub/b.tif', 'sub/deep/d.jp2', 'zarr/z.zarr/.zarray', 'odd [1].tif',
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def uris(*args):
    return [Path(image.uri).as_posix() for image in find_images(args)]


@pytest.mark.parametrize(
    ('arg', 'kind'),
    [
        ('b.tif', 'image'),
        ('missing.tif', 'image'),
        ('odd [1].tif', 'image'),  # a file of that name, not a pattern
        ('zarr/z.zarr', 'image'),
        ('/vsizip/x.zip/a.tif', 'image'),
        ('https://host/a.tif?sig=a*b', 'image'),
        ('sub', 'folder'),
        ('sub/', 'folder'),
        ('https://host/folder/', 'folder'),
        ('*.tif', 'pattern'),
        ('**/x?.tif', 'pattern'),
        ('https://host/folder/*.tif', 'pattern'),
        ('list.txt', 'text'),
        ('https://host/list.CSV', 'table'),
    ],
)
def test_what_an_argument_is(folder, arg, kind):
    assert kind_of(arg) == kind
    assert is_one_image([arg]) == (kind == 'image')
    assert not is_one_image([arg, 'b.tif'])


@pytest.mark.parametrize(
    ('args', 'expected'),
    [
        (['b.tif'], ['b.tif']),
        (['b.tif', 'missing.tif'], ['b.tif', 'missing.tif']),
        (['.'], ['a.TIF', 'b.tif', 'c.vrt', 'odd [1].tif']),
        (['sub'], ['sub/b.tif']),
        (['zarr'], ['zarr/z.zarr']),
        (['*.tif'], ['b.tif', 'odd [1].tif']),
        (['**/*.tif'], ['b.tif', 'odd [1].tif', 'sub/b.tif']),
        (['sub/**'], ['sub/b.tif', 'sub/deep/d.jp2']),
        (['a.*'], ['a.TIF']),  # not its companions
        (['*.md'], ['notes.md']),  # as the user says so
        (['b.tif', '.', 'sub'], ['b.tif', 'a.TIF', 'c.vrt', 'odd [1].tif', 'sub/b.tif']),
    ],
)
def test_what_arguments_hold(folder, args, expected):
    assert uris(*args) == expected


def test_absolute_folders_and_patterns(folder):
    assert uris(str(folder / 'sub')) == [(folder / 'sub/b.tif').as_posix()]
    assert uris(f'{folder}/sub/*') == [(folder / 'sub/b.tif').as_posix()]
    assert uris('b.tif', str(folder / 'b.tif'), './b.tif') == ['b.tif']  # the same file


@pytest.mark.parametrize(
    ('arg', 'message'),
    [
        ('empty', r"no image in folder empty; .*'empty/\*\*/\*.tif'"),
        ('x*.tif', r"No file matches the pattern 'x\*.tif'"),
        ('list.txt', r'The list list.txt names no image'),
    ],
)
def test_nothing_is_an_error(folder, arg, message):
    (folder / 'list.txt').write_text('# nothing\n\n')
    (folder / 'empty').mkdir()
    with pytest.raises(ConfigError, match=message):
        find_images([arg])


def test_predictions_of_ours_are_not_images(folder):
    (folder / 'sub/labels.tif').touch()
    assert uris('sub/**/*.tif') == ['sub/b.tif', 'sub/labels.tif']
    assert RECORD == ss_join.RECORD
    (folder / 'sub/prediction.json').write_text(json.dumps({'files': {'labels.tif': 0}}))
    assert uris('sub/**/*.tif') == uris('sub') == ['sub/b.tif']
    (folder / 'sub/prediction.json').write_text('something else')
    assert uris('sub') == ['sub/b.tif', 'sub/labels.tif']


def test_a_text_list(folder):
    text = f'\ufeff# images\n  b.tif  \n\nsub/b.tif\n#old.tif\n{folder}/c.vrt\nhttps://host/x.tif\n'
    (folder / 'lists').mkdir()
    (folder / 'lists/list.txt').write_text(text, encoding='utf-8')
    images = find_images(['lists/list.txt'])
    assert [i.uri for i in images] == [
        str(Path('lists/b.tif')),
        str(Path('lists/sub/b.tif')),
        f'{folder}/c.vrt',
        'https://host/x.tif',
    ]
    assert [i.origin for i in images] == [f'lists/list.txt, line {n}' for n in (2, 4, 6, 7)]
    assert str(images[0]).endswith('b.tif (lists/list.txt, line 2)')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('b.tif\nc.vrt\n', [('b.tif', ''), ('c.vrt', '')]),
        ('b.tif,north\nc.vrt,2024/south\n', [('b.tif', 'north'), ('c.vrt', '2024/south')]),
        ('id;Image;name\n1;b.tif;north\n2;"c.vrt";\n', [('b.tif', 'north'), ('c.vrt', '')]),
        ('uri,label\nb.tif,5\n', [('b.tif', '')]),  # no column of names
        ('output\tpath\n\n# x\nsouth\tb.tif\n', [('b.tif', 'south')]),
        ('"b, c.tif",x\n', [('b, c.tif', 'x')]),
    ],
)
def test_a_table(folder, text, expected):
    (folder / 'list.csv').write_text(text)
    assert [(i.uri, i.name) for i in find_images(['list.csv'])] == expected


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('image,name\na.tif,x\n,y\n', r'list.csv, line 3: no image is named'),
        ('name,image\nx\n', r'list.csv, line 2: no image is named'),
        ('a.tif,../x\n', r"list.csv, line 1: '../x' cannot be the name of an output"),
        ('a.tif,/x\n', r"line 1: '/x' cannot be"),
        ('a.tif,x:y\n', r"line 1: 'x:y' cannot be"),
        ('a.tif,x\n"b.tif,y\n', r'list.csv, line 2: unexpected end of data'),
    ],
)
def test_bad_lines_of_a_table_are_named(folder, text, message):
    (folder / 'list.csv').write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_images(['list.csv'])


TWO = [(['b.tif', 'c.vrt'], 'north'), (['sub/b.tif', 'c.vrt'], '')]


@pytest.mark.parametrize(
    'text',
    [
        'b.tif,c.vrt,north\nsub/b.tif,c.vrt\n',
        'b.tif;c.vrt;north\nsub/b.tif;c.vrt;\n',
        'image_1,image_2,name\nb.tif,c.vrt,north\nsub/b.tif,c.vrt,\n',
        'Image 1\toutput\tIMAGE2\tpath\nb.tif\tnorth\tc.vrt\tx\nsub/b.tif\t\tc.vrt\ty\n',
        'uri,day,uri,name\nb.tif,1,c.vrt,north\nsub/b.tif,2,c.vrt,\n',
    ],
)
def test_a_row_is_a_scene_of_several_images(folder, text):
    (folder / 'list.csv').write_text(text)
    images = find_images(['list.csv'], 2)
    assert [([Path(u).as_posix() for u in i.uris], i.name) for i in images] == TWO
    assert images[0].uri == 'b.tif'
    assert str(images[0]).startswith('b.tif, c.vrt (list.csv, line ')


@pytest.mark.parametrize(
    ('per_scene', 'text', 'message'),
    [
        (1, 'b.tif,c.vrt\n', r'list.csv, line 1 names 2 images of a scene, but the model reads 1;'),
        (1, 'image1,image2\nb.tif,c.vrt\n', r'line 2 names 2 images .* in a column image'),
        (1, 'b.tif,north,x\n', 'line 1 names 3 images'),
        (2, 'b.tif\n', r'line 1 names 1 image of a scene, but the model reads 2, in the order'),
        (2, 'b.tif,c.vrt,a.tif\n', r'names 3 images .* the columns image_1, image_2\.'),
        (2, 'image,name\nb.tif,north\n', 'line 2 names 1 image of a scene'),
        (3, 'image,image\nb.tif,c.vrt\n', 'line 2 names 2 images of a scene, .* reads 3'),
        (2, 'image_1,image_2\nb.tif,\n', 'line 2: no image is named in column 2 of the images'),
        (2, ',b.tif,north\n', 'line 1: no image is named in column 1 of the images'),
    ],
)
def test_another_number_of_images_is_refused(folder, per_scene, text, message):
    (folder / 'list.csv').write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_images(['list.csv'], per_scene)


@pytest.mark.parametrize('arg', ['b.tif', 'sub', '*.tif', 'list.txt'])
def test_scenes_of_several_images_need_a_table(folder, arg):
    (folder / 'list.txt').write_text('b.tif\n')
    with pytest.raises(ConfigError, match=r'names 1 image of a scene, .* a list \.csv'):
        find_images([arg], 2)


def test_scenes_differ_by_any_of_their_images(folder):
    (folder / 'list.csv').write_text('b.tif,a.TIF\nb.tif,c.vrt\nb.tif,a.TIF\n')
    images = find_images(['list.csv'], 2)
    assert [i.others for i in images] == [('a.TIF',), ('c.vrt',)]
    assert len(set(output_names(images))) == 2


def test_a_line_of_an_unknown_kind_is_named(folder):
    (folder / 'list.txt').write_text('b.tif\nnowhere://x/a.tif\n')
    with pytest.raises(ConfigError, match=r'list.txt, line 2: No file system'):
        find_images(['list.txt'])


def test_lists_that_cannot_be_read(folder):
    with pytest.raises(NotReadableError, match=r'no\.txt: no such file'):
        find_images(['no.txt'])
    (folder / 'list.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(NotReadableError, match='not UTF-8'):
        find_images(['list.txt'])


class Bucket(LocalFileSystem):
    """Remote files."""

    @staticmethod
    def matches_uri(uri, mode):
        return uri.startswith('bucket://')

    @staticmethod
    def list_paths(uri, ext=''):
        return [f'{uri}{name}' for name in ('a.tif', 'a.xml', 'b.tif')]

    @staticmethod
    def read_str(uri):
        return 'a.tif\nbucket://other/b.tif\n'


def test_remote_folders_patterns_and_lists(monkeypatch):
    monkeypatch.setattr(registry_, 'filesystems', [Bucket])
    both = ['bucket://x/a.tif', 'bucket://x/b.tif']
    assert [i.uri for i in find_images(['bucket://x/'])] == both
    assert [i.uri for i in find_images(['bucket://x/b*.tif'])] == both[1:]
    listed = find_images(['bucket://x/list.txt'])
    assert [i.uri for i in listed] == ['bucket://x/a.tif', 'bucket://other/b.tif']
    assert may_exist('bucket://x/a.tif')
    with pytest.raises(ConfigError, match='after the last / only'):
        find_images(['bucket://x/*/a.tif'])


@pytest.mark.parametrize('arg', ['https://host/folder/', 'https://host/*.tif', 'nowhere://x/'])
def test_what_cannot_be_listed_is_said(arg):
    with pytest.raises(RVError, match=r'directories|nowhere'):
        find_images([arg])


def test_local_images_are_looked_up(folder):
    assert may_exist('b.tif')
    assert may_exist('/vsizip/x.zip/a.tif')
    assert not may_exist('missing.tif')


# --- names of outputs


def named(*uris_and_names):
    images = [ListedImage(*([item] if isinstance(item, str) else item)) for item in uris_and_names]
    return output_names(images)


def test_names_are_stems():
    assert named('x/a.tif', 'b.c.tif', 'https://host/d.tif?sig=1') == ['a', 'b.c', 'd']


def test_stems_that_repeat_get_their_folder():
    assert named('x/a.tif', 'y/A.tif', 'y/b.tif') == ['x-a', 'y-A', 'b']


def test_folders_that_repeat_get_a_digest():
    names = named('x/a.tif', 'x/a.jp2', 'y/a.tif')
    assert names[2] == 'y-a'
    assert {name[:2] for name in names[:2]} == {'a-'}
    assert len(set(names)) == 3


def test_given_names_stay():
    assert named(('x/a.tif', 'b'), 'y/b.tif', 'z.tif') == ['b', 'y-b', 'z']
    with pytest.raises(ConfigError, match=r"'N' is given to a.tif \(l, line 1\) and b.tif"):
        named(('a.tif', 'N', 'l, line 1'), ('b.tif', 'n', 'l, line 2'))


paths = st.builds(
    '{}/{}.{}'.format,
    st.sampled_from(['x', 'y', 'X', 'x-a']),
    st.sampled_from(['a', 'A', 'x-a', 'b']),
    st.sampled_from(['tif', 'jp2']),
)


@given(st.lists(paths, unique=True), st.randoms())
def test_names_are_unique_whatever_the_order(some, rng):
    names = named(*some)
    assert len({name.casefold() for name in names}) == len(some)
    shuffled = list(some)
    rng.shuffle(shuffled)
    assert dict(zip(shuffled, named(*shuffled), strict=True)) == dict(zip(some, names, strict=True))
