"""Bad input, through the command line: one message that names the culprit, and no half output."""

import json
import zipfile
from pathlib import Path

import pytest

CONFIG = 'config.py'
STARS = 'from rastervision.core.data import *; from rastervision.core.rv_pipeline import *\n'


def outputs(root):
    """Whatever a run has written, but for its config, records, statistics and an empty folder."""
    return {
        p.relative_to(root).as_posix()
        for p in Path(root).rglob('*')
        if p.is_file()
        and p.name not in {'pipeline-config.json', 'stats.json'}
        and p.parent.name != 'state'
    }


def fails(cli, *args, names, root=None, code=1):
    """Run, and check exit code and message: every one of `names` is in it, and no traceback."""
    output = cli(*args, code=code).output
    message = output[output.index('Error:') :]
    for name in names:
        assert name in message, output
    assert 'Traceback' not in output
    if root is not None:
        assert not outputs(root)
    return message


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        (None, ['config.py']),
        ('x = 1', ['config.py', 'get_config']),
        ('def get_config(runner):\n    raise KeyError("ups")', ['config.py:2', 'ups']),
        ('def get_config(runner):\n    return 1', ['get_config', 'int']),
        ('def get_config(runner:\n', ['config.py:1', 'SyntaxError']),
        (
            f'{STARS}def get_config(runner):\n    return ClassConfig(names=["a"], colours=["red"])',
            ['config.py:3', 'colours', 'colors'],
        ),
        (
            f'{STARS}def get_config(runner):\n    return PredictOptions(chip_sz="big")',
            ['config.py:3', 'chip_sz', 'big'],
        ),
    ],
    ids=['missing', 'no get_config', 'raises', 'returns', 'syntax', 'unknown field', 'wrong type'],
)
def test_config_files(tmp_path, cli, text, names):
    if text is not None:
        (tmp_path / CONFIG).write_text(text)
    fails(cli, 'run', 'inprocess', tmp_path / CONFIG, names=names)


@pytest.mark.parametrize(
    ('command', 'args', 'names'),
    [
        ('analyze', ['-a', 'channel_order', '0,1,7'], ['a.tif', '[0, 1, 7]', '3 band', '0..2']),
        ('chip', ['-a', 'chip_sz', '500', '-a', 'padding', '0'], ["'a'", '500', 'padding']),
        ('chip', ['-a', 'null_class', 'nothing'], ['null_class', 'nothing', 'building, ground']),
        ('chip', ['-a', 'chip_sz', 'big'], ['chip_sz', 'big']),
        ('chip', ['-a', 'chips', '3'], ['chips', 'chip_sz']),
        ('chop', [], ['chop', 'chip']),
    ],
    ids=['band', 'chip size', 'class name', 'argument', 'unknown argument', 'command'],
)
def test_arguments(project, cli, command, args, names):
    root = project / 'root'
    run = ('run', 'inprocess', project / CONFIG, command, '-a', 'root_uri', root)
    if command == 'chip':
        cli(*run[:3], 'analyze', *run[4:])
    fails(cli, *run, '-a', 'from_chips', 'true', *args, names=names, root=root)


SQUARE = [[100, 10], [101, 10], [101, 11], [100, 11], [100, 10]]
ELSEWHERE = {
    'type': 'FeatureCollection',
    'features': [
        {
            'type': 'Feature',
            'properties': {},
            'geometry': {'type': 'Polygon', 'coordinates': [SQUARE]},
        }
    ],
}
UNKNOWN_CRS = {**ELSEWHERE, 'crs': {'type': 'name', 'properties': {'name': 'EPSG:999999'}}}


@pytest.mark.parametrize(
    ('content', 'names'),
    [
        (None, ['a.geojson']),
        ('', ['a.geojson', 'empty']),
        ('this is no JSON', ['a.geojson']),
        ('{"type": "Topology"}', ['a.geojson', 'Topology']),
        (json.dumps(UNKNOWN_CRS), ['a.geojson', 'EPSG:999999']),
        (json.dumps(ELSEWHERE), ['a.geojson', 'a.tif']),
    ],
    ids=['missing', 'empty', 'no JSON', 'no GeoJSON', 'unknown CRS', 'elsewhere'],
)
def test_label_files(project, cli, content, names):
    root = project / 'root'
    if content is None:
        (project / 'a.geojson').unlink()
    else:
        (project / 'a.geojson').write_text(content)
    args = ('-a', 'root_uri', root, '-a', 'from_chips', 'true')
    fails(
        cli, 'run', 'inprocess', project / CONFIG, 'analyze', 'chip', *args, names=names, root=root
    )


def test_an_unreadable_image(project, cli):
    (project / 'a.tif').write_bytes(b'no image')
    run = ('run', 'inprocess', project / CONFIG, '-a', 'root_uri', project / 'root')
    fails(cli, *run, names=['a.tif'], root=project / 'root')


def test_a_truncated_image(project, cli):
    root = project / 'root'
    run = ('-a', 'root_uri', root, '-a', 'from_chips', 'true')
    cli('run', 'inprocess', project / CONFIG, 'analyze', *run)
    data = (project / 'a.tif').read_bytes()
    (project / 'a.tif').write_bytes(data[: len(data) // 2])
    fails(cli, 'run', 'inprocess', project / CONFIG, 'chip', *run, names=['a.tif'], root=root)


def test_an_aoi_that_misses_the_scene(project, cli):
    root = project / 'root'
    (project / 'aoi.geojson').write_text(json.dumps(ELSEWHERE))
    run = ('-a', 'root_uri', root, '-a', 'from_chips', 'true', '-a', 'aoi', project / 'aoi.geojson')
    names = ['aoi.geojson', 'a.tif', "'a'"]
    fails(cli, 'run', 'inprocess', project / CONFIG, 'analyze', *run, names=names, root=root)


def test_an_output_folder_that_cannot_be_written(project, cli):
    (project / 'file').write_text('in the way')
    run = ('run', 'inprocess', project / CONFIG, '-a', 'root_uri', project / 'file' / 'root')
    fails(cli, *run, names=[str(project / 'file')])
    assert (project / 'file').read_text() == 'in the way'


def test_a_full_disk(project, cli, monkeypatch):
    root = project / 'root'
    run = ('-a', 'root_uri', root, '-a', 'from_chips', 'true')
    cli('run', 'inprocess', project / CONFIG, 'analyze', *run)

    def no_space(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(zipfile.ZipFile, 'writestr', no_space)
    names = ['train-a.zip', 'the disk is full']
    fails(cli, 'run', 'inprocess', project / CONFIG, 'chip', *run, names=names, root=root)


@pytest.mark.parametrize('content', [None, b'', b'no bundle', 'zip of something else'])
def test_bundles(project, cli, content):
    bundle = project / 'bundle.zip'
    if isinstance(content, str):
        with zipfile.ZipFile(bundle, 'w') as zf:
            zf.writestr('readme.txt', content)
    elif content is not None:
        bundle.write_bytes(content)
    out = project / 'out'
    fails(cli, 'predict', bundle, project / 'a.tif', out, names=['bundle.zip'])
    fails(cli, 'predict_scene', bundle, project / 'a.json', names=['bundle.zip'])
    assert not out.exists()


def test_channel_orders(project, cli):
    args = (project / 'b.zip', project / 'a.tif', project / 'out', '--channel-order', 'rgb')
    fails(cli, 'predict', *args, names=['--channel-order', "'rgb'", '2 1 0'])
