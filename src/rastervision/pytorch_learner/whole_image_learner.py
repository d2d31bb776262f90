"""What learners have in common whose models give some numbers for an image as a whole."""

from torch import nn

from rastervision.pytorch_learner.learner import Learner
from rastervision.pytorch_learner.models.classification import check_output


class WholeImageLearner(Learner):
    """Trains and uses models from images (N, C, H, W) to (N, K) numbers."""

    def build_model(self, model_def_path: str | None = None) -> nn.Module:
        """Make the model that the config describes, and try it out before it is trained.

        Args:
            model_def_path: Folder with its code, fetched before.

        Raises:
            ConfigError: It cannot be made, or does not take images of this size.
        """
        model = super().build_model(model_def_path)
        data, cfg = self.cfg.data, self.cfg.model
        if self.training and cfg is not None and cfg.external_def is None and data.img_channels:
            check_output(model, data.img_channels, data.img_sz, data.num_classes)
        return model
