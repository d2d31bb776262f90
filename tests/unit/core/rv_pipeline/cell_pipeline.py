"""A pipeline whose results are cells, for tests."""

import json
import zlib
from pathlib import Path

import numpy as np
from pydantic import Field
from unit.core.rv_pipeline.split_pipeline import run

from rastervision.core.backend import Backend, BackendConfig, SampleWriter
from rastervision.core.bundle import write_bundle
from rastervision.core.data import (
    ChipClassificationLabels,
    ChipClassificationLabelSourceConfig,
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    ClassInferenceTransformerConfig,
    DatasetConfig,
    GeoJSONVectorSourceConfig,
    RasterioSourceConfig,
    SceneConfig,
)
from rastervision.core.prediction import WindowScores
from rastervision.core.rv_pipeline import (
    ChipClassification,
    ChipClassificationConfig,
    ChipRegressionConfig,
    PredictOptions,
)
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import StageError

COMMANDS = ['analyze', 'predict', 'eval']


class ListWriter(SampleWriter):
    """Forgets its samples."""

    def write_sample(self, sample):
        pass

    def __exit__(self, *exc):
        pass


class CellBackend(Backend):
    """Scores by brightness, a little changed by what else is in the batch, as rounding would do.

    Windows are counted in the file `windows.txt` of the root.
    """

    def __init__(self, config, pipeline):
        self.config = config
        self.pipeline = pipeline
        self.log = Path(config.log_dir, 'windows.txt')

    def get_sample_writer(self):
        return ListWriter()

    def train(self, source_bundle_uri=None):
        write_bundle(f'{self.pipeline.train_uri}/model-bundle.zip', {'learner-config.json': b'{}'})

    def load_model(self, uri=None, *, trust_code=False):
        pass

    def model_digest(self, uri=None):
        return self.config.weights

    def predict_scene(self, scene, predict_options):
        windows = scene.extent.get_windows(predict_options.chip_sz, predict_options.chip_sz)
        scores = [r.scores for r in self.predict_windows(scene, windows, predict_options)]
        return ChipClassificationLabels.from_predictions(windows, scores)

    def predict_windows(self, scene, windows, predict_options):
        size = predict_options.batch_sz
        for start in range(0, len(windows), size):
            batch = [windows[i] for i in range(start, min(start + size, len(windows)))]
            noise = np.float32(zlib.crc32(str(batch).encode()) / 2**32 / 10)
            for window in batch:
                self._count()
                chip = scene.raster_source.read(window)
                building = np.float32(np.clip((chip.pixels.mean() - 60) / 30, 0, 1))
                yield WindowScores(
                    window, np.array([building, 1 - building]) + noise, bool(chip.valid.any())
                )

    def _count(self):
        if num_windows(self.log) + 1 == self.config.fail_at:
            raise StageError('power cut')
        with self.log.open('a') as file:
            file.write('w')


@register_config('cell_backend')
class CellBackendConfig(BackendConfig):
    """Configure the model."""

    log_dir: str = Field(..., description='Folder of windows.txt.')
    weights: str = Field('one', description='Name of the weights.')
    fail_at: int = Field(0, description='Number of the window that fails.')

    def build(self, pipeline, tmp_dir):
        return CellBackend(self, pipeline)


def num_windows(log):
    return len(log.read_text()) if log.exists() else 0


def scene_config(files, label_source):
    return SceneConfig(
        id=files.id,
        raster_source=RasterioSourceConfig(uris=files.image),
        label_source=label_source,
    )


def cells_of(uri):
    source = GeoJSONVectorSourceConfig(
        uris=uri, transformers=[ClassInferenceTransformerConfig(default_class_id=0)]
    )
    return ChipClassificationLabelSourceConfig(
        vector_source=source, infer_cells=True, background_class_id=1, ioa_thresh=0.3
    )


def pipelines_of_cells(make_scene, tmp_path):
    """Return a function that makes a pipeline over two scenes, below a root of its own."""
    scenes = [make_scene('tall', 1, size=(1000, 24)), make_scene('b', 2)]
    (tmp_path / 'tmp').mkdir()

    def make(name='root', cls=ChipClassification, **backend):
        (tmp_path / name).mkdir(exist_ok=True)
        config = ChipClassificationConfig(
            root_uri=str(tmp_path / name),
            dataset=DatasetConfig(
                class_config=ClassConfig(names=['building', 'ground']),
                train_scenes=[],
                validation_scenes=[scene_config(s, cells_of(s.labels)) for s in scenes],
            ),
            backend=CellBackendConfig(log_dir=str(tmp_path / name), **backend),
            predict_options=PredictOptions(chip_sz=8, batch_sz=7),
        )
        config.update()
        config.recursive_validate_config()
        return cls(config, str(tmp_path / 'tmp'))

    return make


def pipeline_of_values(files, folder, *names):
    """A pipeline over one scene, whose buildings have the values 1, 0, 0 ... of the names."""
    path = Path(files.labels)
    collection = json.loads(path.read_text())
    for feature in collection['features']:
        feature['properties'] = {names[0]: 1.0} | dict.fromkeys(names[1:], 0)
    path.write_text(json.dumps(collection))
    source = ChipRegressionLabelSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(uris=files.labels)
    )
    config = ChipRegressionConfig(
        root_uri=str(folder / 'root'),
        dataset=DatasetConfig(
            class_config=ClassConfig(names=[*names]),
            train_scenes=[],
            validation_scenes=[scene_config(files, source)],
        ),
        backend=CellBackendConfig(log_dir=str(folder)),
        predict_options=PredictOptions(chip_sz=8, batch_sz=7),
    )
    config.update()
    return config.build(str(folder))


def outputs_of_splits(make):
    """What the commands write, which is the same whatever the number of splits."""
    found = []
    for num_splits in (1, 2, 3, 7):
        pipeline = make(str(num_splits))
        for command in COMMANDS:
            run(pipeline, command, num_splits)
        found.append(outputs(pipeline))
    assert all(other == found[0] for other in found[1:])
    return found[0]


def outputs(pipeline):
    root = Path(pipeline.config.root_uri)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file() and path.name != 'windows.txt'
    }


def counted(pipeline):
    return num_windows(Path(pipeline.config.root_uri, 'windows.txt'))
