# %% [markdown]
# # Vectors and labels
#
# Labels often are polygons in a file. A **vector source** reads them and places them on the
# pixels of an image. A **label source** makes of them what a task learns from; for semantic
# segmentation, one class id for every pixel.

# %%
from matplotlib import pyplot as plt

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformer,
    GeoJSONVectorSource,
    RasterioSource,
    RasterizedSource,
    SemanticSegmentationLabelSource,
)
from rastervision.pytorch_backend.examples.tiny_buildings import DATA

image = RasterioSource(str(DATA / 'train' / 'rio_img53.tif'), nodata=0)
uri = str(DATA / 'train' / 'rio_img53_buildings.geojson')

# %% [markdown]
# ## A vector source
#
# The `crs_transformer` of the image says where its pixels are. From there on, everything is in
# pixels. With `round_pixels=False`, vertices stay exactly where they are; the default rounds them
# down to whole pixels, as release 0.31 did.

# %%
vectors = GeoJSONVectorSource(uri, image.crs_transformer, round_pixels=False)
vectors.get_dataframe().head()

# %%
ax = vectors.get_dataframe().plot(facecolor='none', edgecolor='red', figsize=(5, 5))
ax.imshow(image[:, :])
ax.axis('off')

# %% [markdown]
# Invalid polygons are repaired, multi-part ones are split, and features without a geometry are
# left out.
#
# ## Classes
#
# The classes of a task have names, ids (their positions) and colours. The **null class** stands
# for pixels without data or without label; when there is none, it is added.

# %%
classes = ClassConfig(names=['building', 'background'], colors=['red', 'black'])
classes.get_class_id('building'), classes.get_name(1)

# %% [markdown]
# Vector transformers change features as they are read. `ClassInferenceTransformer` gives each of
# them a class id: from its properties, by a filter, or one default for all. `BufferTransformer`
# turns lines and points into polygons, `ShiftTransformer` moves.

# %%
infer = ClassInferenceTransformer(default_class_id=0)
vectors = GeoJSONVectorSource(
    uri, image.crs_transformer, vector_transformers=[infer], round_pixels=False
)
vectors.get_dataframe()['class_id'].value_counts()

# %% [markdown]
# With `class_id_to_filter`, a class is chosen by the properties of a feature, in the language of
# [Mapbox filters](https://docs.mapbox.com/style-spec/reference/other/#other-filter).

# %%
by_name = ClassInferenceTransformer(
    default_class_id=1, class_id_to_filter={0: ['==', 'class_name', 'building']}
)
GeoJSONVectorSource(uri, image.crs_transformer, vector_transformers=[by_name]).get_dataframe()[
    'class_id'
].value_counts()

# %% [markdown]
# ## Polygons as a raster
#
# `RasterizedSource` is a raster source whose pixels are drawn from polygons, window by window.

# %%
drawn = RasterizedSource(vectors, background_class_id=1, bbox=image.bbox)
drawn[100:300, 150:350].shape

# %% [markdown]
# ## A label source
#
# `SemanticSegmentationLabelSource` takes a raster of class ids: the polygons from above, or a
# `RasterioSource` of a label file. By a box it gives class ids of shape (height, width).

# %%
labels = SemanticSegmentationLabelSource(drawn, classes)
window = Box(100, 150, 300, 350)
ids = labels[window]
ids.shape, ids.dtype, {name: int((ids == i).sum()) for i, name in enumerate(classes.names)}

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 4))
axes[0].imshow(image[window])
axes[1].imshow(ids, cmap='gray_r')
for ax in axes:
    ax.axis('off')

# %% [markdown]
# Other tasks have label sources of their own: `ChipClassificationLabelSource` gives one class id
# for a cell, `ObjectDetectionLabelSource` boxes; see [Chip
# classification](chip_classification.md) and [Object detection](object_detection.md).
