# %% [markdown]
# # Time series
#
# A place seen on several dates tells more than one image: crops grow and are cut, forests stay.
# There are two ways to use dates: as further channels of one image, or as a series of images of
# shape (time, height, width, channels).

# %%
import torch
from matplotlib import pyplot as plt
from torch import nn

from rastervision.core.data import (
    ClassConfig,
    MultiRasterSource,
    RasterioSource,
    ReclassTransformer,
    Scene,
    SemanticSegmentationLabelSource,
    StatsTransformer,
    TemporalMultiRasterSource,
)
from rastervision.pytorch_backend.examples.tiny_land_cover import CLASSES, DATA, DATES
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationRandomWindowGeoDataset,
    SemanticSegmentationVisualizer,
    SolverConfig,
)

# %% [markdown]
# The data are Sentinel-2 images of Slovenia, thirteen bands on three dates, with a map of the
# land cover.


# %%
def images(split):
    return [RasterioSource(str(DATA / split / f's2_{date}.tif')) for date in DATES]


[image.shape for image in images('train')]

# %% [markdown]
# ## As channels
#
# `MultiRasterSource` puts the channels of several sources one after the other, here 3 x 13. The
# sources may have another resolution, extent or CRS each: all are read on the pixel grid of the
# primary one.

# %%
stacked = MultiRasterSource(images('train'))
stacked.shape, stacked.dtype

# %% [markdown]
# ## As a series
#
# `TemporalMultiRasterSource` keeps the dates apart. Each source may have its own transformers;
# here all share the statistics of the first date, so that a change from date to date stays
# visible.

# %%
stats = StatsTransformer.from_raster_sources(images('train')[:1], sample_prob=None)


def series(split):
    return TemporalMultiRasterSource(images(split), raster_transformers=[stats])


chip = series('train')[:, 0:64, 0:64]
chip.shape, chip.dtype

# %%
fig, axes = plt.subplots(1, len(DATES), figsize=(10, 3.5))
for ax, date, image in zip(axes, DATES, chip, strict=True):
    ax.imshow(image[..., [3, 2, 1]])
    ax.set_title(date)
    ax.axis('off')

# %% [markdown]
# ## A scene with labels
#
# The values in the label file are no class ids yet; `ReclassTransformer` maps them. Pixels
# without data there have the null class, which training ignores.

# %%
classes = ClassConfig(
    names=list(CLASSES), colors=['orange', 'darkgreen', 'yellowgreen', 'olive', 'red']
)
classes.ensure_null_class()


def scene(split):
    mapping = {value: i for i, value in enumerate(CLASSES.values())}
    ids = RasterioSource(
        str(DATA / split / 'lulc.tif'), raster_transformers=[ReclassTransformer(mapping)]
    )
    return Scene(split, series(split), SemanticSegmentationLabelSource(ids, classes))


train_ds = SemanticSegmentationRandomWindowGeoDataset(
    scene('train'), size_lims=(32, 33), out_size=32, max_windows=64
)
x, y = train_ds[0]
x.shape, y.shape

# %% [markdown]
# The visualizer draws one row for each date.

# %%
visualizer = SemanticSegmentationVisualizer(
    classes.names, classes.colors, channel_display_groups={'RGB': [3, 2, 1]}
)
visualizer.plot_batch(x[None], y[None], show=True)

# %% [markdown]
# ## A network for series
#
# Any module will do that takes (batch, time, channels, height, width). This one looks at every
# date with the same network and at the end at all dates together.


# %%
class DateByDate(nn.Module):
    def __init__(self, dates, channels, num_classes, width=24):
        super().__init__()
        self.each = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.all = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(dates * width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, num_classes, 1),
        )

    def forward(self, x):
        n, t = x.shape[:2]
        features = self.each(x.flatten(0, 1))
        return self.all(features.unflatten(0, (n, t)).flatten(1, 2))


torch.manual_seed(0)
learner = SemanticSegmentationLearner(
    SemanticSegmentationLearnerConfig(
        data=SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0),
        solver=SolverConfig(lr=3e-3, num_epochs=15, batch_sz=8, seed=0),
        log_tensorboard=False,
    ),
    output_dir='train',
    train_ds=train_ds,
    valid_ds=SemanticSegmentationRandomWindowGeoDataset(
        scene('val'), size_lims=(32, 33), out_size=32, max_windows=32
    ),
    model=DateByDate(len(DATES), 13, len(classes)),
)
learner.train()
metrics = learner.validate('valid')
{name: round(value, 2) for name, value in metrics.items() if name.endswith('_f1')}
