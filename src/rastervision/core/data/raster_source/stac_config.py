"""Configs that name STAC items; what they build are pystac's objects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from pystac import Item, ItemCollection


@register_config('stac_item')
class STACItemConfig(Config):
    """A STAC item: rasters of one place and time."""

    uri: str = Field(..., description='JSON file of the item.')
    assets: list[str] | None = Field(
        None, min_length=1, description='Keys of the assets to use, in this order. None: all.'
    )

    def build(self) -> 'Item':
        """Read the item, with the chosen assets only.

        Raises:
            NotReadableError: the file is missing or no STAC item.
            DataError: there is no such asset.
        """
        from rastervision.core.utils.stac import read_item

        item = read_item(self.uri)
        return item if self.assets is None else subset_assets(item, self.assets)


@register_config('stac_item_collection')
class STACItemCollectionConfig(Config):
    """A collection of STAC items, such as the answer of a search: several places or times."""

    uri: str = Field(..., description='JSON file of the item collection.')
    assets: list[str] | None = Field(
        None, min_length=1, description='Keys of the assets to use, in this order. None: all.'
    )

    def build(self) -> 'ItemCollection':
        """Read the items, with the chosen assets only; errors as for `STACItemConfig`."""
        from rastervision.core.utils.stac import read_item_collection

        collection = read_item_collection(self.uri)
        if self.assets is not None:
            collection.items = [subset_assets(item, self.assets) for item in collection.items]
        return collection


def subset_assets(item: 'Item', assets: Sequence[str]) -> 'Item':
    """A copy of an item that has only some of its assets, in the given order.

    Raises:
        DataError: there is no such asset.
    """
    from rastervision.core.utils.stac import find_assets

    chosen = find_assets(item, assets)
    copy = item.clone()
    copy.assets = {key: copy.assets[key] for key in chosen}
    return copy
