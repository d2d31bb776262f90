"""LearnerConfig: model, solver and data together."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.data_config import DataConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.solver_config import SolverConfig
from rastervision.pytorch_learner.upgraders import learner_config_upgrader

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner import Learner

MODEL_BUNDLE = 'model-bundle.zip'


@register_config('learner', upgrader=learner_config_upgrader)
class LearnerConfig(Config):
    """Train a model, or predict with one."""

    model: ModelConfig | None = Field(
        None, description='The network. None when one is given to the Learner itself.'
    )
    solver: SolverConfig | None = Field(
        None, description='Loss, optimizer and learning rates; not needed for prediction.'
    )
    data: DataConfig = Field(..., description='Classes and training data.')
    eval_train: bool = Field(
        False, description='At the end, compute the metrics on the training data too.'
    )
    save_model_bundle: bool = Field(True, description='At the end, save a model bundle.')
    log_tensorboard: bool = Field(True, description='Write logs for TensorBoard.')
    run_tensorboard: bool = Field(False, description='Run TensorBoard while training.')
    output_uri: str | None = Field(None, description='Folder for all outputs.')
    save_all_checkpoints: bool = Field(
        False, description='Keep the checkpoint of every epoch, not the last one only.'
    )

    unused_solver_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the solver that mean nothing for the task, and so must have their defaults."""

    def update(self) -> None:
        """Fill in the defaults of model, solver and data."""
        self.data.update(learner=self)
        if self.model is not None:
            self.model.update(learner=self)
        if self.solver is not None:
            self.solver.update(learner=self)

    def validate_config(self) -> None:
        if self.run_tensorboard and not self.log_tensorboard:
            raise ConfigError(
                'run_tensorboard=True shows nothing with log_tensorboard=False; set '
                'log_tensorboard=True or leave run_tensorboard out.'
            )
        self.check_solver()
        if self.solver is not None and self.data.class_config is not None:
            classes = self.data.class_config
            nodata = classes.null_class_id if classes.null_is_nodata else None
            try:
                self.solver.class_weights(len(classes), nodata)
                self.solver.ignored_class(len(classes))
            except ConfigError as error:
                raise ConfigError(f'solver: {error}') from error

    def check_solver(self) -> None:
        """Make sure that the solver asks for nothing that the task does not do.

        Raises:
            ConfigError: It does.
        """
        for field in self.unused_solver_fields if self.solver is not None else ():
            if getattr(self.solver, field) != SolverConfig.model_fields[field].default:
                raise ConfigError(
                    f'solver.{field} has no meaning for {type(self).__name__}; leave it out.'
                )

    def get_model_bundle_uri(self) -> str:
        """URI of the model bundle that training writes.

        Raises:
            ConfigError: If output_uri is not set.
        """
        if self.output_uri is None:
            raise ConfigError('output_uri is not set: say where the model bundle goes.')
        return f'{self.output_uri.rstrip("/")}/{MODEL_BUNDLE}'

    def foreign_code(self) -> list[str]:
        """Fields that make this config run code from outside of installed packages."""
        found = []
        if self.model is not None and self.model.external_def is not None:
            found.append('model.external_def')
        if self.solver is not None and self.solver.external_loss_def is not None:
            found.append('solver.external_loss_def')
        for field in ('base_transform', 'aug_transform'):
            transform: dict[str, Any] | None = getattr(self.data, field)
            if transform is not None and transform.get('lambda_transforms_path'):
                found.append(f'data.{field}')
        plots = self.data.plot_options
        if plots is not None and (plots.transform or {}).get('lambda_transforms_path'):
            found.append('data.plot_options.transform')
        return found

    def build(
        self,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> 'Learner':
        """Make the learner.

        Args:
            tmp_dir: Folder for temporary files.
            model_weights_path: Local weights file to load into the model.
            model_def_path: Folder with the code of `model.external_def`, fetched before.
            loss_def_path: Folder with the code of `solver.external_loss_def`, fetched before.
            training: Whether the learner is to train, or to predict only.
        """
        raise NotImplementedError(f'{type(self).__name__} does not say for which task it is.')
