"""Where a Learner's outputs lie."""

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.training.run_folder import RunFolder


class LearnerPaths:
    """The folder of the outputs, and the paths in it under the names of release 0.31."""

    _folder: RunFolder | None

    @property
    def folder(self) -> RunFolder:
        """The folder of the outputs.

        Raises:
            ConfigError: This learner was made for prediction.
        """
        if self._folder is None:
            raise ConfigError('This learner has no output folder: it was made with training=False.')
        return self._folder

    @property
    def output_dir(self) -> str:
        """Local folder of the outputs."""
        return str(self.folder.local)

    @property
    def output_dir_local(self) -> str:
        """Local folder of the outputs."""
        return self.output_dir

    @property
    def config_path(self) -> str:
        """Local path of the learner's config."""
        return str(self.folder.config)

    @property
    def log_path(self) -> str:
        """Local path of the table with one row of metrics for every epoch."""
        return str(self.folder.log)

    @property
    def last_model_weights_path(self) -> str:
        """Local path of the weights after the last epoch."""
        return str(self.folder.weights)

    @property
    def checkpoints_dir_local(self) -> str:
        """Local folder of checkpoints."""
        return str(self.folder.checkpoints)

    @property
    def modules_dir(self) -> str:
        """Local folder of the code of external models and losses."""
        return str(self.folder.modules)

    @property
    def model_bundle_uri(self) -> str:
        """Local path of the model bundle."""
        return str(self.folder.bundle)

    @property
    def tb_log_dir(self) -> str:
        """Local folder of logs for TensorBoard."""
        return str(self.folder.tensorboard)

    def sync_to_cloud(self) -> None:
        """Upload what is new, if the outputs belong to a remote folder."""
        self.folder.sync()

    def sync_from_cloud(self) -> None:
        """Fetch what is in the remote folder that the outputs belong to, if there is one."""
        self.folder.fetch()
