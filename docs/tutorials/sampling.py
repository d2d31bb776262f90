# %% [markdown]
# # Sampling training data
#
# Networks see windows of a fixed size. The datasets of `rastervision.pytorch_learner` cut them
# out of a scene: on a grid (sliding windows) or at random places. They are plain PyTorch datasets
# and read a window when it is asked for.

# %%
from matplotlib import pyplot as plt

from rastervision.core.data import ClassConfig
from rastervision.pytorch_backend.examples.tiny_buildings import DATA
from rastervision.pytorch_learner import (
    SemanticSegmentationRandomWindowGeoDataset,
    SemanticSegmentationSlidingWindowGeoDataset,
    SemanticSegmentationVisualizer,
)

classes = ClassConfig(
    names=['building', 'background'], colors=['red', 'black'], null_class='background'
)
files = {
    'image_uri': str(DATA / 'train' / 'rio_img53.tif'),
    'label_vector_uri': str(DATA / 'train' / 'rio_img53_buildings.geojson'),
    'label_vector_default_class_id': 0,
    'class_config': classes,
}

# %% [markdown]
# ## Sliding windows
#
# `from_uris` makes scene and dataset in one call. `size` and `stride` are in pixels; a stride
# below the size makes windows overlap.

# %%
sliding = SemanticSegmentationSlidingWindowGeoDataset.from_uris(**files, size=160, stride=160)
x, y = sliding[0]
len(sliding), x.shape, x.dtype, y.shape, y.dtype

# %% [markdown]
# Images are tensors of shape (channels, height, width), in [0, 1]; class ids are int64. With
# `normalize=False` values stay as they are, with `to_pytorch=False` you get arrays.
#
# By default the image is padded on the right and below, as far as it takes to cover every pixel.
# `padding` says by how many pixels at most, `pad_direction` at which sides.


# %%
def draw(windows, title, ax):
    ax.imshow(sliding.scene.raster_source[:, :])
    for w in windows:
        ax.add_patch(plt.Rectangle((w.xmin, w.ymin), w.width, w.height, fill=False, color='yellow'))
    ax.set(title=title, xlim=(-60, 500), ylim=(490, -60), xticks=[], yticks=[])


options = [
    ('default', {}),
    ('padding=0', {'padding': 0}),
    ("padding=40, pad_direction='both'", {'padding': 40, 'pad_direction': 'both'}),
]
fig, axes = plt.subplots(1, 3, figsize=(12, 4))
for ax, (title, option) in zip(axes, options, strict=True):
    dataset = SemanticSegmentationSlidingWindowGeoDataset(
        sliding.scene, size=160, stride=160, **option
    )
    draw(dataset.windows, title, ax)

# %% [markdown]
# ## Random windows
#
# Every access draws a new window. `size_lims` is the range of its sides, upper end left out (or
# `h_lims` and `w_lims`, if it need not be square); all windows are then resized to `out_size`, so
# that they fit into one batch. `max_windows` is the length of the dataset, that is of one epoch.
# The random numbers follow `torch.manual_seed`.

# %%
import torch

torch.manual_seed(0)
random = SemanticSegmentationRandomWindowGeoDataset.from_uris(
    **files, size_lims=(80, 145), out_size=128, max_windows=12, return_window=True
)
(x, y), window = random[0]
x.shape, window

# %% [markdown]
# With `return_window=True`, as above, a sample comes with the window it was read from.

# %%
fig, ax = plt.subplots(figsize=(5, 5))
draw([window for _, window in random], 'random windows', ax)

# %% [markdown]
# In scenes with [areas of interest](scenes_and_aois.md), windows come from there: `within_aoi`
# says whether they must lie within, and places are drawn so that all parts of the AOI are equally
# likely.
#
# ## Rare classes
#
# After `balance_classes()`, a class is drawn first, then one of its pixels, then a window that
# holds the pixel. Random windows of segmentation and of chip classification have it; weights by
# class id are optional. Here all windows are drawn around buildings.

# %%
random.balance_classes({0: 1})
fig, ax = plt.subplots(figsize=(5, 5))
draw([window for _, window in random], 'around buildings', ax)

# %% [markdown]
# In a data config, `balance_classes=True` does this with equal weights, counted over all training
# scenes: a class that only one of them has comes up as often as the others. Labels are read once
# to find the classes. Detection has `neg_ratio` instead, which draws windows around objects.
#
# ## Augmentation
#
# `transform` takes a transform of [Albumentations](https://albumentations.ai), which changes
# image and label together.

# %%
import albumentations as alb

augment = alb.Compose([alb.RandomRotate90(p=1), alb.HorizontalFlip(), alb.ColorJitter()])
augmented = SemanticSegmentationRandomWindowGeoDataset(
    sliding.scene, size_lims=(80, 145), out_size=128, max_windows=4, transform=augment
)
visualizer = SemanticSegmentationVisualizer(classes.names, classes.colors)
x, y = visualizer.get_batch(augmented, 4)
visualizer.plot_batch(x, y, show=True)

# %% [markdown]
# ## Several scenes
#
# Datasets of several scenes are joined by PyTorch itself.

# %%
from torch.utils.data import ConcatDataset

scenes = [
    files
    | {
        'image_uri': str(DATA / 'train' / f'rio_img{n}.tif'),
        'label_vector_uri': str(DATA / 'train' / f'rio_img{n}_buildings.geojson'),
    }
    for n in (53, 55, 56)
]
joined = ConcatDataset(
    SemanticSegmentationRandomWindowGeoDataset.from_uris(
        **scene, size_lims=(80, 145), out_size=128, max_windows=20
    )
    for scene in scenes
)
len(joined)
