# %% [markdown]
# # Images from STAC
#
# [STAC](https://stacspec.org) catalogs describe images by **items**: where they are, of what
# date, and which files (**assets**) belong to them. Raster sources read items as they come from a
# search in a catalog, say with `pystac-client`. This page makes an item of its own, of local
# files, so that it needs no network. STAC is read with `pip install "rastervision[stac,xarray]"`.

# %%
from datetime import UTC, datetime

import pystac
from matplotlib import pyplot as plt
from shapely.geometry import box, mapping

from rastervision.core.box import Box
from rastervision.core.data import MultiRasterSource, RasterioSource, XarraySource
from rastervision.pytorch_backend.examples.tiny_land_cover import DATA, DATES

# %% [markdown]
# ## Items


# %%
def item_of(date):
    path = DATA / 'train' / f's2_{date}.tif'
    source = RasterioSource(str(path))
    place = source.crs_transformer.pixel_to_map(source.bbox)
    bounds = (place.xmin, place.ymin, place.xmax, place.ymax)
    item = pystac.Item(
        id=f's2-{date}',
        geometry=mapping(box(*bounds)),
        bbox=list(bounds),
        datetime=datetime.strptime(date, '%Y%m%d').replace(tzinfo=UTC),
        properties={},
    )
    item.add_asset('bands', pystac.Asset(str(path), media_type=pystac.MediaType.GEOTIFF))
    return item


items = [item_of(date) for date in DATES]
items[0].properties, list(items[0].assets)

# %% [markdown]
# ## An item as a raster source
#
# The assets become the channels, in the order of `assets`. Remote files are read in place with
# `allow_streaming=True`: only what is asked for is transferred.

# %%
source = MultiRasterSource.from_stac(items[0], assets=['bands'])
source.shape, source.dtype

# %% [markdown]
# `bbox_map_coords` restricts the source to a part, in longitude and latitude.

# %%
center = source.crs_transformer.pixel_to_map((source.shape[1] / 2, source.shape[0] / 2))
lon, lat = center
part = MultiRasterSource.from_stac(
    items[0],
    assets=['bands'],
    bbox_map_coords=Box(lat - 0.002, lon - 0.002, lat + 0.002, lon + 0.002),
)
part.shape

# %% [markdown]
# ## Several items
#
# `XarraySource` lays items over each other on one pixel grid, by their dates with
# `temporal=True`. Nothing is read before a chip is asked for.

# %%
collection = pystac.ItemCollection(items)
series = XarraySource.from_stac(collection, temporal=True)
chip = series[:, 0:64, 0:64]
chip.shape

# %%
fig, axes = plt.subplots(1, len(items), figsize=(10, 3.5))
for ax, item, image in zip(axes, items, chip, strict=True):
    ax.imshow((image[..., [3, 2, 1]] / 1500).clip(0, 1))
    ax.set_title(item.datetime.date())
    ax.axis('off')

# %% [markdown]
# The array underneath is an `xarray.DataArray`; Zarr stores and NetCDF files are read by
# `XarraySource.from_file`.

# %%
series.data_array.dims, series.data_array.shape

# %% [markdown]
# ## As a config
#
# In configs, items are named by the URIs of their JSON files.

# %%
from rastervision.core.data import STACItemCollectionConfig, XarraySourceConfig

collection.save_object('items.json')
config = XarraySourceConfig(stac=STACItemCollectionConfig(uri='items.json'), temporal=True)
config.build().shape
