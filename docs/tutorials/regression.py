# %% [markdown]
# # Regression
#
# Regression predicts numbers for an image: biomass, yield, how much of a cell is built up. Labels
# are polygons or points with the numbers as properties. Here we make such labels: cells with the
# share of them that buildings cover.

# %%
import json
from pathlib import Path

import shapely
from matplotlib import pyplot as plt
from shapely.geometry import mapping
from torch.utils.data import ConcatDataset

from rastervision.core.data import ClassConfig, GeoJSONVectorSource, RasterioSource
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    RegressionGeoDataConfig,
    RegressionLearner,
    RegressionLearnerConfig,
    RegressionModelConfig,
    RegressionSlidingWindowGeoDataset,
    RegressionVisualizer,
    SolverConfig,
)

CELL = 50


# %%
def image_uri(split, n):
    return str(DATA / split / f'rio_img{n}.tif')


def write_cells(split, n):
    image = RasterioSource(image_uri(split, n))
    buildings = GeoJSONVectorSource(
        str(DATA / split / f'rio_img{n}_buildings.geojson'),
        image.crs_transformer,
        round_pixels=False,
    )
    covered = shapely.union_all(buildings.get_geoms())
    features = []
    for window in image.extent.get_windows(CELL, CELL):
        cell = window.to_shapely()
        share = covered.intersection(cell).area / cell.area
        geometry = mapping(image.crs_transformer.pixel_to_map(cell))
        features.append(
            {'type': 'Feature', 'properties': {'built_up': share}, 'geometry': geometry}
        )
    path = f'{split}_{n}.geojson'
    collection = {'type': 'FeatureCollection', 'features': features}
    Path(path).write_text(json.dumps(collection), encoding='utf-8')
    return path


labels = {
    (split, n): write_cells(split, n) for split, n in (('train', 53), ('train', 62), ('val', 54))
}

# %% [markdown]
# ## Datasets
#
# The names of the targets take the place of class names. A window that covers several polygons
# has their mean, weighted by area; NaN where there are none, which loss and metrics leave out.

# %%
targets = ClassConfig(names=['built_up'])


def dataset(split, n, stride):
    return RegressionSlidingWindowGeoDataset.from_uris(
        image_uri=image_uri(split, n),
        label_vector_uri=labels[split, n],
        class_config=targets,
        size=CELL,
        stride=stride,
        padding=0,
        out_size=96,
    )


train_ds = ConcatDataset([dataset('train', n, CELL // 2) for n in (53, 62)])
valid_ds = dataset('val', 54, CELL)
x, y = train_ds[0]
len(train_ds), x.shape, y

# %%
visualizer = RegressionVisualizer(targets.names)
visualizer.plot_batch(*visualizer.get_batch(train_ds, 3, shuffle=True), show=True)

# %% [markdown]
# ## Training
#
# `prob_class_names` says which targets are in [0, 1], `pos_class_names` which are not negative;
# the network then cannot give anything else.

# %%
learner = RegressionLearner(
    RegressionLearnerConfig(
        data=RegressionGeoDataConfig(
            class_config=targets, prob_class_names=['built_up'], num_workers=0
        ),
        model=RegressionModelConfig(encoder='tf_efficientnet_lite0', pretrained=True),
        solver=SolverConfig(lr=5e-4, num_epochs=4, batch_sz=16, seed=0),
        log_tensorboard=False,
    ),
    output_dir='train',
    train_ds=train_ds,
    valid_ds=valid_ds,
)
learner.train()
{name: value for name, value in learner.validate('valid').items() if name != 'valid_time'}

# %% [markdown]
# ## Predicting

# %%
import numpy as np

predicted = np.array(list(learner.predict_dataset(valid_ds, numpy_out=True)))[:, 0]
truth = np.array([y for _, y in valid_ds])[:, 0]
fig, ax = plt.subplots(figsize=(4, 4))
ax.scatter(truth, predicted, s=12)
ax.plot([0, 1], [0, 1], color='gray')
ax.set(xlabel='built up', ylabel='predicted')
