"""Where the outputs of a training run lie."""

from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from rastervision.core.bundle import LEARNER_CONFIG, MODEL_BUNDLE
from rastervision.pipeline.file_system import (
    file_exists,
    is_local,
    make_dir,
    sync_from_dir,
    sync_to_dir,
)
from rastervision.pipeline.fingerprint import SHARED


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The local folder of a training run, and the URI that it is a copy of.

    Attributes:
        local: Local folder.
        uri: Where the outputs belong: the same folder, or a remote one.
    """

    local: Path
    uri: str

    @classmethod
    def open(cls, uri: str, tmp_dir: str) -> 'RunFolder':
        """Make the folder; a remote one gets a local copy in `tmp_dir`, with what it holds."""
        local = Path(uri) if is_local(uri) else Path(tmp_dir, 'train')
        make_dir(str(local))
        folder = cls(local, uri)
        folder.fetch()
        return folder

    def fetch(self) -> None:
        """Download what is there, if the outputs belong elsewhere."""
        if not is_local(self.uri) and file_exists(self.uri):
            sync_from_dir(self.uri, str(self.local))
            rmtree(self.local / SHARED, ignore_errors=True)  # else an old lock would be uploaded

    def sync(self) -> None:
        """Upload what is new, if the outputs belong elsewhere."""
        if not is_local(self.uri):
            sync_to_dir(str(self.local), self.uri)

    @property
    def config(self) -> Path:
        """The learner's config."""
        return self.local / LEARNER_CONFIG

    @property
    def bundle(self) -> Path:
        """The model bundle."""
        return self.local / MODEL_BUNDLE

    @property
    def weights(self) -> Path:
        """Weights after the last epoch."""
        return self.local / 'last-model.pth'

    @property
    def log(self) -> Path:
        """One row of metrics for every epoch."""
        return self.local / 'log.csv'

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.local / 'checkpoints'

    @property
    def last_checkpoint(self) -> Path:
        """The state after the last epoch, from which training goes on."""
        return self.checkpoints / 'last.ckpt'

    @property
    def modules(self) -> Path:
        """Folder of the code of external models and losses."""
        return self.local / 'modules'

    @property
    def tensorboard(self) -> Path:
        """Folder of logs for TensorBoard."""
        return self.local / 'tb-logs'

    def metrics(self, split: str) -> Path:
        """Final metrics of a split."""
        return self.local / f'{split}_metrics.json'

    def predictions_plot(self, split: str) -> Path:
        """Pictures of predictions for a split."""
        return self.local / f'{split}_preds.png'

    def data_plot(self, split: str) -> Path:
        """Pictures of the first batch of a split."""
        return self.local / 'dataloaders' / f'{split}.png'
