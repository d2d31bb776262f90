"""What third parties change is kept, whatever the splits."""

import json

import pytest
from unit.core.rv_pipeline.split_pipeline import COMMANDS, outputs, pipelines_of_scenes, run

from rastervision.core.analyzer import StatsAnalyzer, StatsAnalyzerConfig
from rastervision.core.data import SemanticSegmentationLabels
from rastervision.core.evaluation import (
    SemanticSegmentationEvaluator,
    SemanticSegmentationEvaluatorConfig,
)
from rastervision.core.rv_pipeline import SemanticSegmentation
from rastervision.pipeline.config import register_config


@pytest.fixture
def make_pipeline(folder):
    """Return a function that makes a pipeline below a root of its own."""
    return pipelines_of_scenes(folder)


class OwnAnalyzer(StatsAnalyzer):
    """Computes statistics of its own."""

    def compute_stats(self, scenes):
        stats = super().compute_stats(scenes)
        stats.means += 1
        return stats


@register_config('own_analyzer')
class OwnAnalyzerConfig(StatsAnalyzerConfig):
    """Configure it."""

    def build(self, scene_group=None):
        ours = super().build(scene_group)
        return OwnAnalyzer(ours.stats_uri.replace('stats.json', 'own.json'))


class OwnEvaluator(SemanticSegmentationEvaluator):
    """Scores scenes in a way of its own."""

    def evaluate_scene(self, scene):
        evaluation = super().evaluate_scene(scene)
        evaluation.set_confusion(evaluation.conf_mat * 2)
        return evaluation


@register_config('own_evaluator')
class OwnEvaluatorConfig(SemanticSegmentationEvaluatorConfig):
    """Configure it."""

    def build(self, class_config, scene_group=None):
        uri = self.get_output_uri(scene_group).replace('eval.json', 'own.json')
        return OwnEvaluator(class_config, uri)


class Hooked(SemanticSegmentation):
    """Changes whole predictions."""

    def post_process_predictions(self, labels, scene):
        return labels

    def predict_scene(self, scene):
        labels = SemanticSegmentationLabels.make_empty(scene.extent, 3)
        labels[scene.extent] = scene.raster_source.get_chip(scene.extent)[..., 0] % 3
        return labels


def test_what_third_parties_change_is_kept_in_splits(make_pipeline):
    found = []
    for num_splits in (1, 2, 3):
        pipeline = make_pipeline(f'{num_splits}', Hooked)
        pipeline.config.analyzers.append(
            OwnAnalyzerConfig(output_uri=pipeline.config.analyzers[0].output_uri)
        )
        pipeline.config.evaluators.append(
            OwnEvaluatorConfig(output_uri=pipeline.config.evaluators[0].output_uri)
        )
        for command in COMMANDS:
            run(pipeline, command, num_splits)
        found.append(outputs(pipeline))
    assert all(other == found[0] for other in found[1:])
    stats = 'analyze/stats/train_scenes'
    ours, own = (json.loads(found[0][f'{stats}/{name}.json']) for name in ('stats', 'own'))
    assert own['means'] == pytest.approx([mean + 1 for mean in ours['means']])
    scores = 'eval/validation_scenes'
    ours, own = (json.loads(found[0][f'{scores}/{name}.json']) for name in ('eval', 'own'))
    count = ours['overall'][0]['gt_count']
    assert own['overall'][0]['gt_count'] == 2 * count > 0


def test_a_backend_that_predicts_scenes_in_its_own_way_is_asked(make_pipeline):
    pipeline = make_pipeline()
    pipeline.analyze()
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[0])
    assert pipeline.scene_prediction(scene).is_resumable
    backend = pipeline.any_backend()

    class Own(type(backend)):
        def predict_scene(self, scene, predict_options):
            raise NotImplementedError

    class Loads(type(backend)):
        def load_model(self, uri=None, *, trust_code=False):
            raise NotImplementedError

    backend.__class__ = Own
    assert pipeline.scene_prediction(scene) is None
    pipeline.use_model()
    pipeline.any_backend().__class__ = Loads
    assert not pipeline.scene_prediction(scene).is_resumable
