"""Results of windows that cannot be used."""

from types import SimpleNamespace

import numpy as np
import pytest

from rastervision.core.backend import BackendConfig
from rastervision.core.box import Box
from rastervision.core.data import ClassConfig, DatasetConfig
from rastervision.core.prediction import WindowBoxes, WindowScores
from rastervision.core.rv_pipeline import (
    ChipClassification,
    ChipRegression,
    ChipRegressionConfig,
    ObjectDetection,
    ObjectDetectionPredictOptions,
)
from rastervision.core.rv_pipeline.window_prediction import finite
from rastervision.pipeline.errors import ConfigError, DataError

SCENE = SimpleNamespace(id='here', extent=Box(0, 0, 10, 50))
WINDOWS = SCENE.extent.get_windows(10, 10)
PIPELINE = SimpleNamespace(predict_options=ObjectDetectionPredictOptions)


def cells(values, valid=True):
    return [
        WindowScores(w, np.array([0.5, v]), valid) for w, v in zip(WINDOWS, values, strict=True)
    ]


def boxes(scores, coordinate=4.0):
    return [
        WindowBoxes(w, np.array([[2, 2, 4, coordinate]]), np.array([0]), np.array([score]), True)
        for w, score in zip(WINDOWS, scores, strict=True)
    ]


BAD = [0.1, np.nan, np.inf, 0.2, 0.3]


@pytest.mark.parametrize(
    ('pipeline', 'results', 'bad'),
    [
        (ChipClassification, cells(BAD), 2),
        (ChipRegression, cells(BAD), 2),
        (ObjectDetection, boxes(BAD), 2),
        (ObjectDetection, boxes([1.0] * 5, np.nan), 5),
    ],
)
def test_models_that_diverged(pipeline, results, bad):
    message = rf"'here': for {bad} of 5 windows.*NaN or infinite.*learning rate.*nan_transformer"
    with pytest.raises(DataError, match=message):
        pipeline.labels_of_windows(PIPELINE, SCENE, results)


def test_windows_without_data_may_have_any_scores():
    results = cells(BAD, valid=False)
    assert list(finite(results, 'here')) == results


def test_no_target_is_called_nodata():
    config = ChipRegressionConfig(
        dataset=DatasetConfig(
            class_config=ClassConfig(names=['height', 'nodata']),
            train_scenes=[],
            validation_scenes=[],
        ),
        backend=BackendConfig(),
    )
    with pytest.raises(ConfigError, match="No target can be called 'nodata'"):
        config.validate_config()
    config.dataset.class_config = ClassConfig(names=['height'])
    config.validate_config()
