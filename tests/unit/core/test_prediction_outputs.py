"""Where the predictions of images go."""

import pytest

from rastervision.core.data import ObjectDetectionGeoJSONStoreConfig
from rastervision.core.prediction_outputs import many_outputs
from rastervision.pipeline.errors import ConfigError

STORE = ObjectDetectionGeoJSONStoreConfig()


@pytest.mark.parametrize('name', ['out.json', 'a/out.GeoJSON', 'labels.tif'])
def test_many_images_go_into_no_folder_that_is_called_as_a_file(name, tmp_path) -> None:
    with pytest.raises(ConfigError, match='OUT is a folder'):
        many_outputs(STORE, str(tmp_path / name), ['a', 'b'])
    (tmp_path / name).mkdir(parents=True)
    assert len(many_outputs(STORE, str(tmp_path / name), ['a', 'b'])) == 2


def test_many_images_have_a_file_each(tmp_path) -> None:
    uris = many_outputs(STORE, str(tmp_path / 'v1.2'), ['a', 'b'])
    assert uris == [str(tmp_path / 'v1.2/a.json'), str(tmp_path / 'v1.2/b.json')]
