"""The scenes of the example tiny_land_cover: bands, classes, and what is not labelled."""

import numpy as np
import pytest

from rastervision.pytorch_backend.examples.tiny_land_cover import CLASSES, get_config

# pixels of each value in lulc.tif, as counted by its publisher's data
PIXELS = {
    'train': {0: 155, 1: 11, 2: 4995, 3: 807, 4: 271, 8: 161},
    'val': {2: 2606, 3: 970, 4: 87, 8: 37},
}


@pytest.mark.parametrize('split', ['train', 'val'])
def test_scenes_have_the_bands_of_all_dates_and_class_ids_without_gaps(split):
    dataset = get_config('local').dataset
    (config,) = dataset.train_scenes if split == 'train' else dataset.validation_scenes
    scene = config.build(dataset.class_config, use_transformers=False)
    assert scene.raster_source.num_channels == 39
    assert scene.raster_source.dtype == np.uint16
    class_ids = {value: i for i, value in enumerate(CLASSES.values())} | {0: len(CLASSES)}
    values, counts = np.unique(scene.label_source.get_label_arr(), return_counts=True)
    expected = {class_ids[value]: count for value, count in PIXELS[split].items()}
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == expected
