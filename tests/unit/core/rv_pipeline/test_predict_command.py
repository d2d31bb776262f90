"""`rastervision predict` and `Predictor` on one image and on many."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rastervision.core.data import (
    MultiRasterSourceConfig,
    PolygonVectorOutputConfig,
    RasterioSourceConfig,
)
from rastervision.core.predictor import Predictor
from rastervision.core.stac_mlm import ModelFacts
from rastervision.pipeline.errors import StageError


def is_building(folder):
    with rasterio.open(Path(folder) / 'labels.tif') as dataset:
        return dataset.read(1) == 0


def assert_predicted(folder, truths):
    assert sorted(p.name for p in Path(folder).iterdir()) == sorted(truths)
    for name, truth in truths.items():
        np.testing.assert_array_equal(is_building(Path(folder) / name), truth)


# --- what is predicted


def test_one_image_is_written_to_the_folder_itself(bundle, images, cli):
    folder, truths = images
    assert 'Predictions are in out' in cli(bundle, folder / 'a.tif', 'out')
    np.testing.assert_array_equal(is_building('out'), truths['a'])


@pytest.mark.parametrize('kind', ['files', 'folder', 'pattern', 'text', 'table'])
def test_many_images_get_a_folder_each_and_one_model(bundle, images, cli, loads, tmp_path, kind):
    folder, truths = images
    names = [f'{name}.tif' for name in truths]
    (folder / 'list.txt').write_text('\n'.join(names))
    (folder / 'list.csv').write_text('\n'.join(['image', *names]))
    args = {
        'files': [folder / name for name in names],
        'folder': [folder],
        'pattern': [f'{tmp_path}/**/[abc].tif'],
        'text': [folder / 'list.txt'],
        'table': [folder / 'list.csv'],
    }[kind]
    assert '3 of 3 images predicted. Predictions are in out' in cli(bundle, *args, 'out')
    assert_predicted('out', truths)
    assert len(loads) == 1


def test_a_table_names_the_outputs(bundle, images, cli):
    folder, truths = images
    (folder / 'list.csv').write_text('a.tif,north/first\nb.tif\n')
    cli(bundle, folder / 'list.csv', 'out')
    np.testing.assert_array_equal(is_building('out/north/first'), truths['a'])
    np.testing.assert_array_equal(is_building('out/b'), truths['b'])


def test_stems_that_repeat(bundle, images, cli, tmp_path):
    folder, truths = images
    (tmp_path / 'more').mkdir()
    shutil.copy(folder / 'b.tif', tmp_path / 'more/a.tif')
    cli(bundle, folder / 'a.tif', tmp_path / 'more', 'out')
    assert_predicted('out', {'images-a': truths['a'], 'more-a': truths['b']})


def test_a_pattern_of_one_file_is_still_many(bundle, images, cli):
    folder, truths = images
    cli(bundle, f'{folder}/a.*', 'out')
    assert_predicted('out', {'a': truths['a']})


# --- failures


def test_the_others_are_predicted_when_some_fail(bundle, images, cli, loads):
    folder, truths = images
    (folder / 'list.txt').write_text('a.tif\nbroken.tif\nmissing.tif\ngrey.tif\nfile.tif\nc.tif\n')
    (folder / 'broken.tif').write_text('no image')
    with rasterio.open(folder / 'a.tif') as dataset:
        profile, pixels = dataset.profile, dataset.read(1)
    with rasterio.open(folder / 'grey.tif', 'w', **{**profile, 'count': 1}) as dataset:
        dataset.write(pixels, 1)
    shutil.copy(folder / 'a.tif', folder / 'file.tif')
    Path('out').mkdir()
    Path('out/file').touch()  # where a folder should be
    output = cli(bundle, folder / 'list.txt', 'out', code=1)
    end = output[output.index('Error:') :]
    assert '2 of 6 images predicted, 4 failed' in end
    lines = [line.strip() for line in end.splitlines()[1:]]
    for line, (name, number, reason) in zip(
        lines,
        [
            ('missing', 3, 'no such file'),
            ('broken', 2, 'cannot be read as a raster'),
            ('grey', 4, 'channel_order'),
            ('file', 5, 'a part of the path is a file'),
        ],
        strict=True,
    ):
        assert line.startswith(f'{folder}/{name}.tif ({folder}/list.txt, line {number}): ')
        assert reason in line
    (Path('out') / 'file').unlink()
    assert_predicted('out', {name: truths[name] for name in 'ac'})
    assert len(loads) == 1


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['typo.tif', 'out'], 'Cannot read typo.tif: no such file'),
        (['typo*.tif', 'out'], "No file matches the pattern 'typo*.tif'"),
        (['typo.txt', 'out'], 'Cannot read typo.txt: no such file'),
        (['images/a.tif', 'images/b.tif'], 'images/b.tif is a file'),
        (['images', 'images/b.tif'], 'OUT is the folder to write to'),
        (['broken.tif', 'out'], 'broken.tif cannot be read as a raster'),
        (['images/a.tif', 'out', '--channel-order', '0 7 1'], 'channel_order [0, 7, 1]'),
        (['images/a.tif', 'out', '--channel-order', 'rgb'], '--channel-order takes'),
        (['images/a.tif', 'out', '--chip-size', '20', '--crop', '9'], 'at most'),
        (['images/a.tif', 'out', '--scene-group', 'x'], "scene group 'x'"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(
    bundle, images, cli, loads, args, message
):
    Path('broken.tif').write_text('no image')
    output = cli(bundle, *args, code=1)
    assert message in output
    assert not loads
    assert not Path('out').exists()


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['a.tif'], "Missing argument 'IMAGE...'"),
        (['a.tif', 'out', '--crop', 'x'], "'x' is neither a number of pixels nor 'auto'"),
        (['a.tif', 'out', '--stride', '0'], '--stride'),
        (['a.tif', 'out', '--engine', 'x'], '--engine'),
    ],
)
def test_wrong_usage(bundle, cli, args, message):
    assert message in cli(bundle, *args, code=2)


def test_channels_are_compared_with_those_of_the_model(
    bundle, images, cli, loads, monkeypatch, updated
):
    facts = ModelFacts(input_shape=(3, 32, 32))
    monkeypatch.setattr(type(updated.backend), 'model_facts', lambda self, pipeline: facts)
    output = cli(bundle, images[0] / 'a.tif', 'out', '--channel-order', 0, 1, code=1)
    assert 'a.tif gives 2 channels, but the model takes 3' in output
    assert "--channel-order '0 1 1'" in output
    assert not loads
    cli(bundle, '--channel-order', 2, 1, 0, images[0] / 'a.tif', 'out')


def test_a_model_that_does_not_load_ends_it_all(bundle, images, loads, tmp_path):
    predictor = Predictor(bundle, str(tmp_path / 'p'))
    (predictor.bundle.folder / 'model-bundle.zip').unlink()
    with pytest.raises(FileNotFoundError):
        predictor.predict_many(str(images[0]), str(tmp_path / 'out'), skip_finished=False)
    assert len(loads) == 1


@pytest.fixture
def bundle_of_two(config, tmp_path):
    """A bundle whose model reads three bands of one image and one band of another."""
    config = config.copy()
    config.root_uri = str(tmp_path / 'two')
    for scene in config.dataset.all_scenes:
        scene.raster_source.transformers = []
        other = RasterioSourceConfig(uris=f'{scene.id}-2.tif', channel_order=[0])
        scene.raster_source = MultiRasterSourceConfig(raster_sources=[scene.raster_source, other])
    config.update()
    pipeline = config.build(str(tmp_path))
    pipeline.train()
    pipeline.bundle()
    return f'{config.bundle_uri}/model-bundle.zip'


def test_a_row_of_a_list_has_an_image_for_each_source(bundle_of_two, images, cli):
    folder, truths = images
    with rasterio.open(folder / 'a.tif') as dataset:
        profile, dark = dataset.profile, 0 * dataset.read()
    pictures = {f'bright-{name}': np.where(truths[name], 255, dark) for name in 'abc'}
    for name, pixels in {'dark': dark, **pictures}.items():
        with rasterio.open(f'{name}.tif', 'w', **profile) as dataset:
            dataset.write(pixels.astype(np.uint8))
    rows = [f'bright-{name}.tif,dark.tif,{name}\n' for name in 'abc']
    Path('list.csv').write_text('image_1,image_2,name\n' + ''.join(rows))
    assert '3 of 3 images predicted' in cli(bundle_of_two, 'list.csv', 'out')
    assert_predicted('out', truths)

    # one band of four that is bright is not enough
    Path('swapped.csv').write_text('dark.tif,bright-a.tif,a\ndark.tif,missing.tif,b\n')
    output = cli(bundle_of_two, 'swapped.csv', 'out', code=1)
    assert '1 of 2 images predicted, 1 failed' in output
    assert 'dark.tif, missing.tif (swapped.csv, line 2): Cannot read missing.tif' in output
    assert not is_building('out/a').any()


def test_the_images_of_a_scene_are_counted(bundle_of_two, bundle, images, cli):
    (images[0] / 'list.csv').write_text('a.tif,b.tif\n')
    for args in ([images[0]], [images[0] / 'a.tif', images[0] / 'b.tif']):
        output = cli(bundle_of_two, *args, 'out', code=1)
        assert 'names 1 image of a scene, but the model reads 2' in output
    assert 'reads 2 images of a scene, got 1' in cli(
        bundle_of_two, images[0] / 'a.tif', 'out', code=1
    )
    output = cli(bundle, images[0] / 'list.csv', 'out', code=1)
    assert 'line 1 names 2 images of a scene, but the model reads 1;' in output
    assert not Path('out').exists()


def test_nothing_is_loaded_when_no_image_can_be_opened(bundle, loads, tmp_path):
    report = Predictor(bundle, str(tmp_path / 'p')).predict_many(['x.tif', 'y.tif'], 'out')
    assert [r.outcome for r in report.results] == ['failed', 'failed']
    assert not loads
    with pytest.raises(StageError, match='0 of 2 images predicted, 2 failed'):
        report.raise_failures()


def test_polygons_without_a_crs_are_warned_of(bundle, images, tmp_path, caplog):
    with rasterio.open(images[0] / 'a.tif') as dataset:
        profile, pixels = dataset.profile, dataset.read()
    profile['crs'] = None
    with rasterio.open(tmp_path / 'x.tif', 'w', **profile) as dataset:
        dataset.write(pixels)
    for polygons in (False, True):
        predictor = Predictor(bundle, str(tmp_path / 'p'), polygons=polygons)
        predictor.predict(str(tmp_path / 'x.tif'), str(tmp_path / f'out {polygons}'))
        warned = 'x.tif has no CRS: its polygons will be in pixel coordinates' in caplog.text
        assert warned == polygons


@pytest.mark.parametrize('asked', [[], [0], [1, 0]])
def test_polygons_are_those_asked_for_or_of_all_classes(bundle, images, tmp_path, asked):
    predictor = Predictor(bundle, str(tmp_path / 'p'))
    classes = predictor.config.dataset.class_config.names
    store = predictor.config.dataset.validation_scenes[0].label_store
    store.vector_output = [PolygonVectorOutputConfig(class_id=i) for i in asked]
    predictor.predict(str(images[0] / 'a.tif'), str(tmp_path / 'out'))
    written = {path.name for path in (tmp_path / 'out' / 'vector_output').iterdir()}
    assert written == {f'class-{i}-{classes[i]}.json' for i in asked or range(len(classes))}


# --- again


def test_finished_images_are_skipped(bundle, images, cli):
    folder, truths = images
    cli(bundle, folder / 'a.tif', folder / 'b.tif', 'out')
    written = {path: path.stat().st_mtime_ns for path in Path('out').rglob('*.tif')}

    output = cli(bundle, folder, 'out')
    assert f'Image 2 of 3, {folder}/b.tif: finished before.' in output
    assert '1 of 3 images predicted, 2 finished before. Predictions are in out' in output
    assert '--rerun predicts again' in output
    assert_predicted('out', truths)
    assert {path: path.stat().st_mtime_ns for path in written} == written

    assert '3 of 3 images predicted.' in cli(bundle, folder, 'out', '--rerun')
    assert all(path.stat().st_mtime_ns > time for path, time in written.items())


def test_a_pattern_that_leads_into_the_outputs(bundle, images, cli):
    folder, truths = images
    for count in ('3 of 3 images predicted.', '0 of 3 images predicted, 3 finished before.'):
        assert count in cli(bundle, 'images/**/*.tif', 'images/out')
    assert_predicted(folder / 'out', truths)


@pytest.mark.parametrize('change', ['options', 'scores', 'channels', 'image', 'output', 'model'])
def test_a_change_makes_a_new_prediction(bundle, images, cli, pipeline, change):
    folder, _ = images
    image = folder / 'a.tif'
    assert 'already' not in cli(bundle, image, 'out')
    assert 'a is predicted already; --rerun predicts it again' in cli(bundle, image, 'out')
    flags = {
        'options': ['--blend', 'hann'],
        'scores': ['--scores', 'uint8'],
        'channels': ['--channel-order', '2 1 0'],
    }
    if change == 'image':
        shutil.copy(folder / 'b.tif', image)
    elif change == 'output':
        Path('out/labels.tif').unlink()
    elif change == 'model':
        pipeline.config.source_bundle_uri = '99'
        pipeline.train()
        pipeline.bundle()
    assert 'already' not in cli(bundle, image, 'out', *flags.get(change, []))


def test_statistics_of_the_image_make_the_same_prediction_again(bundle, images, cli):
    cli(bundle, images[0] / 'a.tif', 'out', '-a')
    assert 'predicted already' in cli(bundle, images[0] / 'a.tif', 'out', '-a')
    assert 'predicted already' not in cli(bundle, images[0] / 'a.tif', 'out')


def test_ctrl_c_ends_at_once(bundle, images, cli, monkeypatch, updated):
    def interrupt(self, scene):
        if scene.id == 'b':
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(type(updated.build('')), 'is_predicted', interrupt)
    output = cli(bundle, images[0], 'out', code=130)
    assert 'Interrupted.' in output
    assert sorted(p.name for p in Path('out').iterdir()) == ['a']


def test_downloads_of_an_image_do_not_stay(bundle, images, tmp_path, monkeypatch):
    predictor = Predictor(bundle, str(tmp_path / 'p'), update_stats=True)
    before = set((tmp_path / 'p').iterdir())
    predictor.predict_many(str(images[0]), str(tmp_path / 'out'))
    assert set((tmp_path / 'p').iterdir()) == before
    assert predictor.bundle.pipeline.tmp_dir == str(tmp_path / 'p')
