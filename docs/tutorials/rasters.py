# %% [markdown]
# # Reading rasters
#
# A **raster source** gives the pixels of any window of an image as a NumPy array of shape
# (height, width, channels). Nothing is read before it is asked for, so images may be far larger
# than memory. The images used here come with the package: small pieces of Rio de Janeiro seen
# from space.

# %%
from matplotlib import pyplot as plt

from rastervision.core.box import Box
from rastervision.core.data import RasterioSource
from rastervision.pytorch_backend.examples.tiny_buildings import DATA

uri = str(DATA / 'train' / 'rio_img53.tif')
source = RasterioSource(uri)
source.shape, source.dtype

# %% [markdown]
# `RasterioSource` reads everything that GDAL reads. A list of URIs is shown as one mosaic.
#
# ## By slices
#
# A source is indexed like an array: rows, columns, channels.

# %%
chip = source[100:300, 150:350]
chip.shape

# %%
plt.imshow(chip)
plt.axis('off')

# %% [markdown]
# A step reads fewer pixels: here, every fourth in each direction. GDAL uses the overviews of the
# file, if it has some, so a picture of a huge image is quick.

# %%
source[::4, ::4].shape

# %% [markdown]
# ## By box
#
# `Box(ymin, xmin, ymax, xmax)` is a window in pixels, half open. Windows may reach out of the
# image what is outside is 0.

# %%
window = Box(-50, -50, 150, 150)
chip = source.get_chip(window)
plt.imshow(chip)
plt.axis('off')

# %% [markdown]
# ## Pixels without data
#
# `read` gives the pixels together with a mask that says which of them hold data. A value of 0 is
# a value like any other, unless the file, or you, say that it stands for missing data. These
# images are black where nothing was seen, but the files do not say so; `nodata=0` does.

# %%
uri_with_gaps = str(DATA / 'train' / 'rio_img57.tif')
for nodata in (None, 0):
    with_gaps = RasterioSource(uri_with_gaps, nodata=nodata)
    valid = with_gaps.read(with_gaps.extent).valid
    print(f'nodata={nodata}: {valid.mean():.1%} of the pixels hold data')

# %% [markdown]
# The mask goes all the way: such pixels count neither in statistics, nor in the loss, nor in the
# scores, and predictions are null there.
#
# ## Which bands, which part
#
# `channel_order` picks and orders bands. `bbox` restricts the source to a part of the raster;
# windows then count from its upper left corner.

# %%
part = RasterioSource(uri, channel_order=[2, 1, 0], bbox=Box(100, 150, 300, 350))
part.shape, part.extent, part.bbox

# %% [markdown]
# ## Pixels and map coordinates
#
# The source knows where it is. Its `crs_transformer` takes points, boxes and shapely geometries
# from pixels to longitude and latitude and back.

# %%
crs = source.crs_transformer
center = crs.pixel_to_map((source.shape[1] / 2, source.shape[0] / 2))
center, crs.map_to_pixel(center)

# %% [markdown]
# A chip can be asked for by a box in map coordinates, too.

# %%
map_window = crs.pixel_to_map(Box(0, 0, 100, 100))
source.get_chip_by_map_window(map_window).shape

# %% [markdown]
# ## Transformers
#
# Raster transformers change chips as they are read. `StatsTransformer` scales values of any type
# to 0..255 by the mean and standard deviation of each channel; `MinMaxTransformer` stretches
# every chip; `CastTransformer`, `NanTransformer` and `ReclassTransformer` do what their names
# say. All of them leave pixels without data alone.
#
# uint8 images are passed on by `StatsTransformer` as they are, so we cast first to see it work.

# %%
from rastervision.core.data import CastTransformer, StatsTransformer

plain = RasterioSource(uri, raster_transformers=[CastTransformer('uint16')], nodata=0)
stats = StatsTransformer.from_raster_sources([plain], sample_prob=None)
scaled = RasterioSource(uri, raster_transformers=[CastTransformer('uint16'), stats], nodata=0)
stats.means, stats.stds

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 4))
for ax, shown, title in zip(axes, (source, scaled), ('as in the file', 'scaled'), strict=True):
    ax.imshow(shown[:, :])
    ax.set_title(title)
    ax.axis('off')

# %% [markdown]
# ## As a config
#
# In a pipeline, the same source is described by a config and built when it is needed.

# %%
from rastervision.core.data import RasterioSourceConfig, StatsTransformerConfig

config = RasterioSourceConfig(
    uris=uri, channel_order=[0, 1, 2], nodata=0, transformers=[StatsTransformerConfig()]
)
config.build(use_transformers=False).shape
