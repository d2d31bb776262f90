"""`rastervision validate` finds what a run would find, all of it, without running."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from rastervision.core.box import Box
from rastervision.core.data import (
    RasterioSourceConfig,
    SemanticSegmentationLabelSourceConfig,
    StatsTransformerConfig,
)
from rastervision.core.prediction.scene_plan import prediction_windows
from rastervision.core.rv_pipeline import WindowSamplingConfig, WindowSamplingMethod
from rastervision.pipeline.cli import main


@pytest.fixture
def validate(config, tmp_path):
    """Return a function that validates the config as it is then."""

    def run():
        ready = config.copy()
        ready.update()
        ready.recursive_validate_config()
        return ready.build(str(tmp_path)).validate()

    return run


def messages(problems) -> str:
    return '\n'.join(f'{problem.where}: {problem.message}' for problem in problems)


def scene_facts(validation, scene_id: str) -> dict:
    return next(s for s in validation.facts['scenes'] if s['id'] == scene_id)


def command_facts(validation, name: str) -> dict:
    return next(c for c in validation.facts['commands'] if c['command'] == name)


def write_aoi(image: str, name: str, xmin: float, ymin: float, xmax: float, ymax: float) -> str:
    """Write a rectangle, given in pixels of an image, to a GeoJSON file beside it."""
    with rasterio.open(image) as dataset:
        place = dataset.transform
    corners = [(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax), (xmin, ymin)]
    geometry = {'type': 'Polygon', 'coordinates': [[place @ corner for corner in corners]]}
    feature = {'type': 'Feature', 'properties': {}, 'geometry': geometry}
    path = Path(image).with_name(name)
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    return str(path)


def edit(path: str, change) -> None:
    """Change the pixels of an image, which `change` gets as (C, H, W)."""
    with rasterio.open(path, 'r+') as dataset:
        pixels = dataset.read()
        change(pixels)
        dataset.write(pixels)


def image_of(config, i: int = 0) -> str:
    return config.dataset.train_scenes[i].raster_source.uris


# --- what is right


def test_a_good_pipeline_has_no_problems_and_nothing_is_written(validate, tmp_path) -> None:
    validation = validate()
    assert not validation.problems
    assert not (tmp_path / 'root').exists()
    image = scene_facts(validation, 'val')['image']
    assert (image['height'], image['width'], image['channels']) == (70, 90, 3)
    assert image['crs'] == 'EPSG:4326'
    assert image['pixel_size'] == pytest.approx((1e-4, 1e-4))


def test_classes_are_counted_as_in_the_truth(validate, make_scene, config) -> None:
    truth = make_scene('again', 1).truth  # as of the scene 'train 1'
    counts = scene_facts(validate(), 'train 1')['labels']['counts']
    assert counts == {'building': truth.sum(), 'ground': (~truth).sum(), 'null': 0}


def test_chips_are_as_many_as_chip_writes(validate, pipeline) -> None:
    pipeline.chip()
    samples = json.loads(Path(f'{pipeline.config.chip_uri}/samples.json').read_text())
    facts = validate().facts['scenes']
    for scene in facts:
        written = sum(scene_id == scene['id'] for _, scene_id, _ in samples)
        assert sum(w['kept'] for w in scene['windows'].values()) == written
    assert len(samples) > 0


def test_windows_of_predict_are_those_of_its_plan(validate) -> None:
    expected = len(prediction_windows(Box(0, 0, 70, 90), 32, 16, 4))
    validation = validate()
    assert scene_facts(validation, 'val')['prediction']['windows'] == expected
    assert command_facts(validation, 'predict')['count'] == 2 * expected


def test_random_windows_are_counted_by_what_is_expected(validate, config) -> None:
    config.chip_options.sampling = WindowSamplingConfig(
        method=WindowSamplingMethod.random, size=16, max_windows=500
    )
    windows = scene_facts(validate(), 'train 1')['windows']['train']
    assert (windows['count'], windows['kept'], windows['is_exact']) == (500, 500, False)


def test_chips_that_filters_drop_are_not_counted(validate, config) -> None:
    config.chip_options.sampling.padding = 0
    config.chip_options.target_class_ids = [2]  # no pixel is of the null class
    config.chip_options.target_count_threshold = 1
    config.chip_options.negative_survival_prob = 0
    validation = validate()
    assert scene_facts(validation, 'train 1')['windows']['train']['kept'] == 0
    assert 'no windows to learn from' in messages(validation.errors)


def test_an_aoi_limits_what_is_counted(validate, config, make_scene) -> None:
    scene = config.dataset.train_scenes[0]
    scene.aoi_uris = [write_aoi(image_of(config), 'aoi.geojson', 10, 20, 70, 66)]
    truth = make_scene('again', 1).truth[20:66, 10:70]
    facts = scene_facts(validate(), 'train 1')
    assert facts['labels']['counts'] == {
        'building': truth.sum(),
        'ground': (~truth).sum(),
        'null': 0,
    }
    assert facts['aoi'] == pytest.approx(46 * 60 / (70 * 90), rel=1e-3)
    assert facts['windows']['train']['count'] == 1  # that at (32, 32)


def test_nodata_is_measured(validate, config) -> None:
    def clear(pixels) -> None:
        pixels[:, :35] = 0

    edit(image_of(config), clear)
    undeclared = validate()
    assert '50% of its pixels are 0 in all channels' in messages(undeclared.warnings)
    config.dataset.train_scenes[0].raster_source.nodata = 0
    declared = validate()
    assert not declared.problems
    assert scene_facts(declared, 'train 1')['nodata'] == 0.5


# --- what is wrong


def test_all_problems_are_found_at_once(validate, config, make_scene, tmp_path) -> None:
    scenes = config.dataset
    Path(image_of(config)).unlink()
    second = scenes.train_scenes[1]
    elsewhere = write_aoi(second.raster_source.uris, 'far.geojson', 9000, 9000, 9010, 9010)
    second.label_source.raster_source.vector_source.uris = elsewhere
    second.aoi_uris = [elsewhere]
    scenes.validation_scenes[0].raster_source.channel_order = [0, 1, 7]
    scenes.test_scenes[0].raster_source.transformers = [
        StatsTransformerConfig(stats_uri=str(tmp_path / 'none.json'))
    ]
    found = messages(validate().errors)
    for text in (
        "scene 'train 1': ",
        'train 1.tif',
        "scene 'train 2': ",
        'do not overlap the image',
        'No area of interest in ',
        "scene 'val': ",
        '7',
        "scene 'test': There are no statistics at ",
    ):
        assert text in found
    assert len(found.splitlines()) == 5


def test_what_is_fine_of_a_scene_is_told_beside_what_fails(validate, config, tmp_path) -> None:
    config.dataset.train_scenes[0].aoi_uris = [str(tmp_path / 'none.geojson')]
    validation = validate()
    (error,) = validation.errors
    assert 'none.geojson' in error.message
    facts = scene_facts(validation, 'train 1')
    assert sum(facts['labels']['counts'].values()) == 70 * 90
    assert facts['aoi'] is None


def test_train_scenes_need_labels(validate, config) -> None:
    config.dataset.train_scenes[0].label_source = None
    assert 'has no label_source' in messages(validate().errors)


def test_labels_that_are_no_classes_are_errors(validate, config, write_raster) -> None:
    labels = np.full((1, 70, 90), 9, np.uint8)
    with rasterio.open(image_of(config)) as image:
        uri = write_raster(labels, 'labels.tif', crs=image.crs, transform=image.transform)
    config.dataset.train_scenes[0].label_source = SemanticSegmentationLabelSourceConfig(
        raster_source=RasterioSourceConfig(uris=uri)
    )
    assert 'the label value 9' in messages(validate().errors)


def test_a_truncated_image_is_an_error(validate, config) -> None:
    path = Path(image_of(config))
    path.write_bytes(path.read_bytes()[:8000])
    found = messages(validate().errors)
    assert "scene 'train 1'" in found
    assert 'be read' in found


def test_code_of_others_that_fails_is_a_problem_of_its_scene(validate, config, monkeypatch) -> None:
    build = RasterioSourceConfig.build

    def failing(self, *args, **kwargs):
        if self.channel_order == [0, 1, 1]:
            raise KeyError('plugin')
        return build(self, *args, **kwargs)

    monkeypatch.setattr(RasterioSourceConfig, 'build', failing)
    config.dataset.test_scenes[0].raster_source.channel_order = [0, 1, 1]
    assert messages(validate().errors) == "scene 'test': KeyError: 'plugin'"


def test_windows_that_do_not_fit_are_errors(validate, config) -> None:
    config.chip_options.sampling = WindowSamplingConfig(size=200, padding=0)
    found = messages(validate().errors)
    for scene_id in ('train 1', 'train 2', 'val'):
        assert f"scene '{scene_id}': Windows of 200x200 pixels do not fit" in found


def test_alike_problems_of_scenes_are_one_line_for_people(validate, config) -> None:
    for scene in config.dataset.all_scenes:
        scene.raster_source.channel_order = [0, 1, 7]
    validation = validate()
    assert len({error.message for error in validation.errors}) == 4
    (line,) = (line for line in validation.report().splitlines() if 'channel_order' in line)
    assert '4 scenes (train 1, train 2, val, …), of the first: channel_order' in line
    assert Path(image_of(config)).name in line


# --- what looks wrong


def test_an_image_in_training_and_validation_is_a_warning(validate, config) -> None:
    train, val = config.dataset.train_scenes[0], config.dataset.validation_scenes[0]
    val.raster_source, val.label_source = train.raster_source.copy(), train.label_source.copy()
    assert 'pixels of the train scene' in messages(validate().warnings)
    train.aoi_uris = [write_aoi(image_of(config), 'left.geojson', 0, 0, 40, 70)]
    val.aoi_uris = [write_aoi(image_of(config), 'right.geojson', 45, 0, 90, 70)]
    assert 'pixels of the train scene' not in messages(validate().warnings)


def test_a_class_without_labels_is_a_warning(validate, config) -> None:
    names = config.dataset.class_config
    names.names.append('water')
    names.colors.append('blue')
    assert 'there is no label of water' in messages(validate().warnings)


def test_a_missing_crs_is_a_warning(validate, config, write_raster) -> None:
    image = np.random.default_rng(0).integers(1, 255, (3, 70, 90), dtype=np.uint8)
    uri = write_raster(image, 'bare.tif', crs=None, transform=None)
    config.dataset.test_scenes[0].raster_source.uris = uri
    validation = validate()
    assert not validation.errors
    assert 'no georeference' in messages(validation.warnings)


def test_a_constant_channel_is_a_warning(validate, config) -> None:
    def flatten(pixels) -> None:
        pixels[1] = 7

    edit(image_of(config), flatten)
    assert 'same value in channel(s) 1' in messages(validate().warnings)


def test_other_numbers_of_channels_are_an_error(validate, config) -> None:
    config.dataset.test_scenes[0].raster_source.channel_order = [0]
    assert 'one number of channels' in messages(validate().errors)


def test_warnings_of_the_log_are_those_of_the_scene(validate, config, caplog) -> None:
    config.chip_options.sampling = WindowSamplingConfig(size=80)
    found = messages(validate().warnings)
    assert "scene 'train 1': Windows of 80x80 pixels are larger than the scene (70x90" in found
    assert 'are larger than' not in caplog.text


@pytest.mark.parametrize(('size', 'is_larger'), [(70, False), (71, True), (200, True)])
def test_prediction_windows_larger_than_the_scene_are_a_warning(
    size, is_larger, validate, config
) -> None:
    config.predict_options.chip_sz = size
    validation = validate()
    found = messages(validation.warnings).splitlines()
    expected = [f"scene '{name}': Prediction windows of {size}x{size}" for name in ('val', 'test')]
    assert [line.partition(' pixels')[0] for line in found] == (expected if is_larger else [])
    assert not validation.errors


# --- command line


def run_cli(config, tmp_path, *args):
    path = tmp_path / 'config.json'
    config.to_file(str(path))
    return CliRunner().invoke(main, ['validate', str(path), *args])


def test_the_command_line_prints_tables(config, tmp_path) -> None:
    result = run_cli(config, tmp_path)
    assert result.exit_code == 0, result.output
    for text in ('train 1', '70x90', 'EPSG:4326', 'building', 'predict', 'Nothing is wrong.'):
        assert text in result.stdout


def test_the_command_line_prints_json_and_fails_on_errors(config, tmp_path) -> None:
    Path(image_of(config)).unlink()
    result = run_cli(config, tmp_path, '--format', 'json')
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert found['ok'] is False
    (problem,) = found['problems']
    assert (problem['level'], problem['where']) == ('error', "scene 'train 1'")
    assert [scene['id'] for scene in found['scenes']] == ['train 1', 'train 2', 'val', 'test']


def test_tables_fit_a_terminal_and_say_the_same(validate, monkeypatch) -> None:
    whole = validate().text
    monkeypatch.setattr('rastervision.core.rv_pipeline.validation.text.terminal_width', lambda: 60)
    text = validate().text
    assert max(map(len, whole.splitlines())) > 80
    assert max(map(len, text.splitlines())) <= 60
    assert 'CRS EPSG:4326' in text
    assert 'AOI' in whole
    assert 'AOI' not in text  # there is none
