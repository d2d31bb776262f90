# %% [markdown]
# # Visualising data and predictions
#
# A **visualizer** draws batches of images, labels and predictions. There is one for each task
# this page uses the one for semantic segmentation.

# %%
from rastervision.core.data import ClassConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationSlidingWindowGeoDataset,
    SemanticSegmentationVisualizer,
)

classes = ClassConfig(
    names=['building', 'background'], colors=['red', 'black'], null_class='background'
)
dataset = SemanticSegmentationSlidingWindowGeoDataset.from_uris(
    image_uri=str(DATA / 'train' / 'rio_img53.tif'),
    label_vector_uri=str(DATA / 'train' / 'rio_img53_buildings.geojson'),
    label_vector_default_class_id=0,
    class_config=classes,
    size=160,
    stride=120,
)

# %% [markdown]
# ## A batch
#
# `get_batch` takes the first samples of a dataset, or random ones with `shuffle=True`.

# %%
visualizer = SemanticSegmentationVisualizer(classes.names, classes.colors)
x, y = visualizer.get_batch(dataset, 3)
visualizer.plot_batch(x, y, show=True)

# %% [markdown]
# With `output_path`, the picture goes into a file; no display is needed for that.

# %%
from pathlib import Path

visualizer.plot_batch(x, y, output_path='batch.png')
Path('batch.png').stat().st_size

# %% [markdown]
# ## Predictions
#
# `z` takes predictions: class ids, or scores of all classes. Here, scores made up from how bright
# a pixel is.

# %%
import torch

brightness = x.mean(dim=1)
scores = torch.stack([brightness, 1 - brightness], dim=1)
visualizer.plot_batch(x, y, z=scores, show=True)

# %% [markdown]
# ## Which channels
#
# Images of many bands are shown in groups of one to three channels. Groups may have titles.

# %%
visualizer = SemanticSegmentationVisualizer(
    classes.names,
    classes.colors,
    channel_display_groups={'RGB': [0, 1, 2], 'blue, green, red': [2, 1, 0], 'red alone': [0]},
)
visualizer.plot_batch(x, y, batch_limit=2, show=True)

# %% [markdown]
# ## How images are stretched
#
# Images in [0, 1] are drawn as they are, others are stretched from their smallest to their
# largest value. For something else, give a transform of Albumentations as a dictionary.

# %%
import albumentations as alb

bright = SemanticSegmentationVisualizer(
    classes.names, classes.colors, transform=alb.to_dict(alb.RandomGamma((60, 61), p=1))
)
bright.plot_batch(x, y, batch_limit=2, show=True)

# %% [markdown]
# In configs, the same options are those of `PlotOptions`; `learner.plot_dataloaders()` and
# `learner.plot_predictions('valid')` use them. A pipeline writes such pictures into `train/`.
