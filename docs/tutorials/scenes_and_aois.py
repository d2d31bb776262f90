# %% [markdown]
# # Scenes and areas of interest
#
# A **scene** holds together what belongs to one image: its pixels, its labels, and the **areas of
# interest** (AOIs), polygons outside of which there are no labels.

# %%
import json
from pathlib import Path

from matplotlib import pyplot as plt
from shapely.geometry import mapping

from rastervision.core.box import Box
from rastervision.core.data import ClassConfig
from rastervision.core.data.utils import make_ss_scene
from rastervision.pytorch_backend.examples.tiny_buildings import DATA

image_uri = str(DATA / 'train' / 'rio_img53.tif')
label_uri = str(DATA / 'train' / 'rio_img53_buildings.geojson')
classes = ClassConfig(names=['building', 'background'], null_class='background')

# %% [markdown]
# ## In one call
#
# `make_ss_scene` makes a scene for semantic segmentation straight from files. `make_cc_scene` and
# `make_od_scene` do it for chip classification and object detection.

# %%
scene = make_ss_scene(
    image_uri,
    label_vector_uri=label_uri,
    label_vector_default_class_id=classes.get_class_id('building'),
    class_config=classes,
    image_raster_source_kw={'nodata': 0},
)
scene.extent

# %% [markdown]
# A scene is indexed like its sources and gives an image and its label.

# %%
image, label = scene[100:300, 150:350]
image.shape, label.shape

# %% [markdown]
# ## Areas of interest
#
# AOIs are polygons in a file, in map coordinates. Let us say that labels are complete in one
# corner of the image and in a triangle only.

# %%
from shapely.geometry import Polygon, box

pixels = [box(20, 20, 220, 180), Polygon([(430, 180), (430, 390), (180, 390)])]
features = [
    {
        'type': 'Feature',
        'properties': {},
        'geometry': mapping(scene.raster_source.crs_transformer.pixel_to_map(polygon)),
    }
    for polygon in pixels
]
collection = {'type': 'FeatureCollection', 'features': features}
Path('aoi.geojson').write_text(json.dumps(collection), encoding='utf-8')

scene = make_ss_scene(
    image_uri,
    label_vector_uri=label_uri,
    label_vector_default_class_id=classes.get_class_id('building'),
    class_config=classes,
    aoi_uri='aoi.geojson',
)
len(scene.aoi_polygons)

# %% [markdown]
# ## Windows in the AOI
#
# Windows of training data come from the AOI, and predictions are scored there only. By default a
# window has to lie within the AOI; with `within_aoi=False` it may stick out.

# %%
windows = scene.extent.get_windows(50, 50)
aoi = scene.aoi_polygons_bbox_coords
within = Box.filter_by_aoi(windows, aoi, within=True)
touching = Box.filter_by_aoi(windows, aoi, within=False)
len(windows), len(within), len(touching)

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 4.5))
shown = (('within the AOI', within), ('touching the AOI', touching))
for ax, (title, chosen) in zip(axes, shown, strict=True):
    ax.imshow(scene.raster_source[:, :])
    for polygon in scene.aoi_polygons:
        ax.plot(*polygon.exterior.xy, color='yellow')
    for window in chosen:
        ax.add_patch(
            plt.Rectangle(
                (window.xmin, window.ymin), window.width, window.height, fill=False, color='red'
            )
        )
    ax.set_title(title)
    ax.axis('off')

# %% [markdown]
# ## As a config
#
# `SceneConfig` describes a scene, `DatasetConfig` the scenes for training, validation and test.
# [Writing a config](../guides/config.md) shows both.
