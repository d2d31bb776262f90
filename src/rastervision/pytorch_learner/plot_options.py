"""How batches are drawn."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

ChannelInds = Sequence[Annotated[int, Field(ge=0)]]
ChannelDisplayGroups = dict[str, ChannelInds] | Sequence[ChannelInds]

MIN_MAX_NORMALIZE: dict[str, Any] = {
    '__version__': '2.0.8',
    'transform': {
        '__class_fullname__': 'rastervision.pytorch_learner.utils.utils.MinMaxNormalize',
        'p': 0.0,
        'min_val': 0.0,
        'max_val': 1.0,
        'dtype': 5,
    },
}


def get_default_channel_display_groups(nb_img_channels: int) -> dict[str, ChannelInds]:
    """One picture of the first three channels, or of as many as there are."""
    return {'Input': list(range(min(nb_img_channels, 3)))}


def validate_channel_display_groups(
    groups: ChannelDisplayGroups | None,
) -> dict[str, ChannelInds] | None:
    """Give every group a title.

    Args:
        groups: Groups of channels by title, or without titles.

    Returns:
        Groups by title, or None.

    Raises:
        ConfigError: If a group has no channel or more than three.
    """
    if groups is None:
        return None
    if not isinstance(groups, Mapping):
        groups = {f'Channels: {list(group)}': group for group in groups}
    for title, group in groups.items():
        if not 1 <= len(group) <= 3:
            raise ConfigError(
                f"channel_display_groups: '{title}' has {len(group)} channels; a group is shown "
                'as one picture and needs 1, 2 or 3.'
            )
    return dict(groups)


def check_channels(groups: Mapping[str, ChannelInds], img_channels: int) -> None:
    """Check groups of channels against the number of channels.

    Raises:
        ConfigError: If a group names a channel that images do not have.
    """
    for title, group in groups.items():
        if max(group) >= img_channels:
            raise ConfigError(
                f"channel_display_groups: '{title}' names channel {max(group)} but images have "
                f'{img_channels}; use 0..{img_channels - 1}.'
            )


def check_transform(field: str, transform: dict[str, Any] | None) -> None:
    """Check that a field of a config holds an Albumentations transform, or None.

    Raises:
        ConfigError: It does not; the message names the field.
    """
    if transform is None:
        return
    from rastervision.pytorch_learner.utils.utils import validate_albumentation_transform

    try:
        validate_albumentation_transform(transform)
    except ConfigError as error:
        raise ConfigError(f'{field}: {error}') from error


@register_config('plot_options')
class PlotOptions(Config):
    """How batches of chips, labels and predictions are drawn."""

    transform: dict[str, Any] | None = Field(
        MIN_MAX_NORMALIZE,
        description='Albumentations transform, as a dictionary, applied to images before they are '
        'drawn.',
    )
    channel_display_groups: ChannelDisplayGroups | None = Field(
        None,
        description='Groups of one to three channels, each drawn as one picture: a list of groups, '
        'or a dictionary with their titles. By default, the first three channels.',
    )

    def update(self, img_channels: int | None = None) -> None:
        """Fill in the default groups once the number of channels is known."""
        if img_channels is not None and self.channel_display_groups is None:
            self.channel_display_groups = get_default_channel_display_groups(img_channels)

    def validate_config(self) -> None:
        validate_channel_display_groups(self.channel_display_groups)
        if self.transform != MIN_MAX_NORMALIZE:
            check_transform('transform', self.transform)

    def validate_channels(self, img_channels: int) -> None:
        """Check the groups against the number of channels.

        Raises:
            ConfigError: If a group names a channel that images do not have.
        """
        groups = validate_channel_display_groups(self.channel_display_groups) or {}
        check_channels(groups, img_channels)
