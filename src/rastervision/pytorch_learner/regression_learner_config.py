"""Configs of regression: some numbers for a whole image."""

import math
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.geo_data_config import GeoDataConfig
from rastervision.pytorch_learner.image_data_config import ImageDataConfig
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.plot_options import PlotOptions
from rastervision.pytorch_learner.upgraders import reg_data_config_upgrader

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.utils.data import Dataset

    from rastervision.pytorch_learner.dataset.regression_dataset import (
        RegressionImageDataset,
        RegressionRandomWindowGeoDataset,
        RegressionSlidingWindowGeoDataset,
    )
    from rastervision.pytorch_learner.dataset.transform import Transform
    from rastervision.pytorch_learner.regression_learner import RegressionLearner


class RegressionDataFormat(Enum):
    """How chips lie in a folder.

    Attributes:
        csv: Images in `img`, and their values in `labels.csv`.
    """

    csv = 'csv'


@register_config('regression_plot_options')
class RegressionPlotOptions(PlotOptions):
    """How batches, and the values predicted for a whole split, are drawn."""

    max_scatter_points: int = Field(
        5000, gt=0, description='Points in the plot of predicted over true values, at most.'
    )
    hist_bins: int = Field(30, gt=0, description='Bars in the histogram of errors.')


@register_config('regression_data', upgrader=reg_data_config_upgrader)
class RegressionDataConfig(Config):
    """What the data configs of regression have in common.

    The names in `class_config` are those of the targets: the numbers to predict.
    """

    pos_class_names: list[str] = Field(
        [], description='Targets that are above 0: the model gives their logarithm.'
    )
    prob_class_names: list[str] = Field(
        [], description='Targets in [0, 1], such as shares: the model gives their logit.'
    )

    def validate_config(self) -> None:
        super().validate_config()
        both = sorted(set(self.pos_class_names) & set(self.prob_class_names))
        if both:
            raise ConfigError(
                f"'{both[0]}' stands in pos_class_names and in prob_class_names; a target in "
                '[0, 1] belongs in prob_class_names only.'
            )
        classes = getattr(self, 'class_config', None)
        if classes is None:
            return
        for field in ('pos_class_names', 'prob_class_names'):
            for name in getattr(self, field):
                if name not in classes.names:
                    raise ConfigError(
                        f"{field} has '{name}', which is none of the targets "
                        f'{", ".join(classes.names)}.'
                    )


@register_config('regression_image_data')
class RegressionImageDataConfig(RegressionDataConfig, ImageDataConfig):
    """Chips in files, with their values in a table."""

    data_format: RegressionDataFormat = Field(  # type: ignore[assignment]
        RegressionDataFormat.csv,
        description='How chips lie in the folders: images in img, values in labels.csv.',
    )
    plot_options: RegressionPlotOptions | None = Field(
        default_factory=RegressionPlotOptions, description='How batches are drawn.'
    )

    def dir_to_dataset(
        self, data_dir: 'Path', transform: 'Transform | None'
    ) -> 'RegressionImageDataset':
        from rastervision.pytorch_learner.dataset.regression_dataset import RegressionImageDataset

        return RegressionImageDataset(str(data_dir), self.class_names, transform=transform)

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import check_targets

        check_targets(dataset, self.class_names, self.origin)


@register_config('regression_geo_data')
class RegressionGeoDataConfig(RegressionDataConfig, GeoDataConfig):
    """Windows of scenes with values."""

    plot_options: RegressionPlotOptions | None = Field(
        default_factory=RegressionPlotOptions, description='How batches are drawn.'
    )

    def window_datasets(
        self,
    ) -> 'tuple[type[RegressionSlidingWindowGeoDataset], type[RegressionRandomWindowGeoDataset]]':
        from rastervision.pytorch_learner.dataset import regression_dataset as reg

        return reg.RegressionSlidingWindowGeoDataset, reg.RegressionRandomWindowGeoDataset

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import check_targets

        check_targets(dataset, self.class_names)


@register_config('regression_model')
class RegressionModelConfig(ModelConfig):
    """A network that gives some numbers for an image as a whole."""

    output_multiplier: list[float] | None = Field(
        None,
        description='Unit of each target: what the outputs of the network are multiplied by, so '
        'that it works with numbers around 1 itself. The loss counts errors in this unit. By '
        'default, 1.',
    )
    encoder: str | None = Field(
        None,
        description='A network of timm by name, instead of backbone; images are scaled as it '
        'expects them.',
    )

    def validate_config(self) -> None:
        super().validate_config()
        for number in self.output_multiplier or ():
            if not math.isfinite(number) or number == 0:
                raise ConfigError(
                    f'output_multiplier has {number}; a unit is a finite number other than 0.'
                )

    def build_default_model(
        self,
        num_classes: int,
        in_channels: int,
        pos_out_inds: list[int] | None = None,
        prob_out_inds: list[int] | None = None,
        **kwargs: Any,
    ) -> 'nn.Module':
        """Make the network.

        Args:
            num_classes: Number of targets.
            in_channels: Number of image channels.
            pos_out_inds: Targets above 0.
            prob_out_inds: Targets in [0, 1].
            kwargs: Further arguments of what makes the backbone.
        """
        from rastervision.pytorch_learner.models.classification import build_network
        from rastervision.pytorch_learner.models.regression import RegressionModel

        self.validate_config()
        backbone = build_network(
            self.get_backbone_str(),
            self.encoder,
            num_classes,
            in_channels,
            self.wants_imagenet_weights,
            {**self.extra_args, **kwargs},
        )
        return RegressionModel(
            backbone,
            num_classes,
            pos_out_inds=pos_out_inds,
            prob_out_inds=prob_out_inds,
            output_multiplier=self.output_multiplier,
            replace_head=False,
        )


@register_config('regression_learner')
class RegressionLearnerConfig(LearnerConfig):
    """Train or use a model for regression."""

    model: RegressionModelConfig | None = Field(
        None, description='The network. None when one is given to the Learner itself.'
    )

    unused_solver_fields: ClassVar[tuple[str, ...]] = ('dice_weight', 'ignore_class_index')

    def validate_config(self) -> None:
        super().validate_config()
        units = None if self.model is None else self.model.output_multiplier
        classes = self.data.class_config
        if units is not None and classes is not None and len(units) != len(classes):
            raise ConfigError(
                f'model.output_multiplier has {len(units)} numbers, but there are {len(classes)} '
                f'targets ({", ".join(classes.names)}); give one for each.'
            )

    def build(
        self,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> 'RegressionLearner':
        from rastervision.pytorch_learner.regression_learner import RegressionLearner

        return RegressionLearner(
            self,
            tmp_dir=tmp_dir,
            model_weights_path=model_weights_path,
            model_def_path=model_def_path,
            loss_def_path=loss_def_path,
            training=training,
        )
