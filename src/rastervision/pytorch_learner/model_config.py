"""Which network to train, and what it starts from."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.backbone import Backbone
from rastervision.pytorch_learner.external_module import ExternalModuleConfig
from rastervision.pytorch_learner.upgraders import model_config_upgrader

if TYPE_CHECKING:
    from torch import nn

    from rastervision.pytorch_learner.learner_config import LearnerConfig


@register_config('model', upgrader=model_config_upgrader)
class ModelConfig(Config):
    """A network: one of a task's own kind, or one that external code makes."""

    backbone: Backbone = Field(
        Backbone.resnet18, description='The torchvision network at the base of the model.'
    )
    pretrained: bool = Field(
        True,
        description='Start the backbone from ImageNet weights instead of random ones. Not used '
        'when external_def is given.',
    )
    init_weights: str | None = Field(
        None,
        description='URI of weights of the whole model to start from (.safetensors, or a state '
        'dictionary saved by torch). With it, no ImageNet weights are fetched.',
    )
    load_strict: bool = Field(
        True,
        description='Demand that init_weights fits the model name by name; otherwise load what '
        'matches.',
    )
    external_def: ExternalModuleConfig | None = Field(
        None, description='Code that makes the model, instead of one of the built-in kinds.'
    )
    extra_args: dict[str, Any] = Field({}, description='Further arguments of what makes the model.')

    def update(self, learner: 'LearnerConfig | None' = None) -> None:
        """Fill what depends on the rest of the learner's config: nothing for this class."""

    def validate_config(self) -> None:
        default = type(self).model_fields['backbone'].default
        encoder: str | None = getattr(self, 'encoder', None)
        if encoder is None or self.external_def is not None:
            return
        if self.backbone.value != encoder and self.backbone != default:
            raise ConfigError(
                f"encoder='{encoder}' takes the place of backbone='{self.backbone.value}'; leave "
                'one of them out.'
            )

    def check_names(self) -> None:
        """Make sure that there is such a network, without making it; imports what knows it.

        Raises:
            ConfigError: There is none; the message has near names.
        """
        encoder: str | None = getattr(self, 'encoder', None)
        if encoder is not None and self.external_def is None:
            from rastervision.pytorch_learner.models.encoders import resolve_timm

            resolve_timm(encoder)

    def get_backbone_str(self) -> str:
        """Name of the backbone."""
        return self.backbone.value

    def build(
        self,
        num_classes: int,
        in_channels: int,
        save_dir: str | None = None,
        hubconf_dir: str | None = None,
        **kwargs: Any,
    ) -> 'nn.Module':
        """Make the network.

        ImageNet weights are loaded if `pretrained` and not `init_weights`; the weights of
        `init_weights` are not loaded here, see `rastervision.pytorch_learner.models.weights`.

        Args:
            num_classes: Number of classes, the null class included.
            in_channels: Number of image channels.
            save_dir: Folder in which code of `external_def` is kept.
            hubconf_dir: Folder with code of `external_def` that was fetched before.
            kwargs: What a task's `build_default_model` takes beyond these.

        Raises:
            ConfigError: If the model cannot be made as configured.
        """
        if self.external_def is not None:
            return self.build_external_model(save_dir=save_dir, hubconf_dir=hubconf_dir)
        return self.build_default_model(num_classes, in_channels, **kwargs)

    def build_default_model(self, num_classes: int, in_channels: int, **kwargs: Any) -> 'nn.Module':
        """Make the network of the task's own kind."""
        raise NotImplementedError(f'{type(self).__name__} knows no kind of model of its own.')

    def build_external_model(
        self, save_dir: str | None = None, hubconf_dir: str | None = None
    ) -> 'nn.Module':
        """Make the network by `external_def`; arguments as for `build`."""
        if self.external_def is None:
            raise ValueError('external_def is not set.')
        from torch import nn

        model = self.external_def.build(save_dir, hubconf_dir)
        if not isinstance(model, nn.Module):
            raise self.external_def.wrong_kind(model, 'a model, which is a torch.nn.Module')
        return model

    @property
    def wants_imagenet_weights(self) -> bool:
        """Whether the built-in kinds of model start from ImageNet weights."""
        return self.pretrained and self.init_weights is None
