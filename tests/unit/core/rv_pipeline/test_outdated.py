"""Results that are not of the model of now are not shown as if they were."""

import pytest

from rastervision.core.comparison import compare, doubts
from rastervision.core.data import MultiRasterSourceConfig
from rastervision.pipeline.loading import config_uri
from rastervision.pipeline.standing import outdated
from rastervision.pipeline.state import recorded


def run(pipeline, *commands):
    for command in commands:
        with recorded(pipeline, command, 0, 1):
            getattr(pipeline, command)()


@pytest.fixture
def trained_anew(pipeline):
    """A pipeline that has run, and has another model since."""
    run(pipeline, *pipeline.commands)
    assert outdated(pipeline) == {}
    pipeline.config.chip_options.sampling.size = 16
    run(pipeline, 'chip', 'train')
    return type(pipeline)(pipeline.config, pipeline.tmp_dir)


def test_results_of_an_earlier_model_are_left_out(trained_anew):
    assert list(outdated(trained_anew)) == ['predict', 'eval', 'bundle']
    text = trained_anew.summary()
    assert 'stats.json' in text
    for stale in ('Scores on', 'labels.tif', 'eval.json', 'rastervision predict', '.zip\n'):
        assert stale not in text.partition('Not up to date')[0]
    assert text.endswith('Run predict eval bundle to make the results anew.')


def test_eval_tells_of_predictions_of_an_earlier_model(trained_anew, caplog):
    run(trained_anew, 'eval')
    assert 'predictions that are there, which are not up to date' in caplog.text
    caplog.clear()
    run(trained_anew, 'predict', 'eval', 'bundle')
    assert 'not up to date' not in caplog.text
    assert 'Scores on' in trained_anew.summary()


def test_a_comparison_tells_of_scores_of_an_earlier_model(trained_anew):
    config = trained_anew.config
    config.to_file(config_uri(config.root_uri))
    rows = compare([config.root_uri])
    (doubt,) = doubts([config.root_uri], rows)
    assert doubt == f'The scores of {config.root_uri} are not up to date: PREDICT: TRAIN changed.'
    run(trained_anew, 'predict', 'eval')
    assert doubts([config.root_uri], rows) == []


def test_without_records_nothing_is_known_to_be_outdated(pipeline):
    for command in pipeline.commands:
        getattr(pipeline, command)()
    pipeline.config.predict_options.chip_sz = 64
    assert outdated(pipeline) == {}


def test_models_of_several_images_are_told_how_to_predict(pipeline):
    pipeline.train()
    pipeline.bundle()
    for scene in pipeline.config.dataset.all_scenes:
        other = scene.raster_source.copy()
        other.uris = 'other.tif'
        scene.raster_source = MultiRasterSourceConfig(raster_sources=[scene.raster_source, other])
    text = pipeline.summary()
    assert 'whose first line is image_1,image_2, and run' in text
    assert text.endswith('new-prediction')
    assert ' images.csv ' in text
