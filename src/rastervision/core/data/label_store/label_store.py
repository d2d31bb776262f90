"""LabelStore: the base of what predictions are written to and read from (C+E)."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label.labels import Labels
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class LabelWriter(ABC):
    """Takes the predictions for a scene, or for a part of it, piece by piece."""

    @abstractmethod
    def write(self, tile: Any) -> None:
        """Write the next piece."""


class LabelStore(ABC):
    """Where the labels that are predicted for a scene are kept."""

    @abstractmethod
    def save(self, labels: Any) -> None:
        """Write the labels of the whole scene."""

    @abstractmethod
    def get_labels(self) -> Labels:
        """Read the labels of the whole scene."""

    def writer(self) -> AbstractContextManager[LabelWriter]:
        """A writer that takes predictions as they come, for use in a `with` statement.

        Files appear when the block ends well; when it fails, nothing of them is left.
        """
        raise NotImplementedError(f'{type(self).__name__} writes whole scenes only; use save().')

    def is_predicted(self, key: str) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the predictions for a key are there; a store without records cannot tell.

        Args:
            key: fingerprint of everything that decides the result.
        """
        return False

    @property
    @abstractmethod
    def bbox(self) -> Box | None:
        """Where the extent of the labels lies in the image, in the source pixel frame."""

    @property
    @abstractmethod
    def crs_transformer(self) -> CRSTransformer:
        """Between map coordinates and the source pixel frame."""

    @abstractmethod
    def set_bbox(self, bbox: Box) -> None:
        """Say where the extent of the labels lies in the image."""


@register_config('label_store')
class LabelStoreConfig(Config):
    """Where the labels that are predicted for a scene are kept.

    Attributes:
        file_suffix: End of the name of the file that predictions are written to; '' for a folder.
    """

    file_suffix: ClassVar[str] = ''

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        """Fill what depends on the pipeline and the scene, such as where to write."""

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,
    ) -> LabelStore:
        """Build the store.

        Args:
            class_config: names and colours of the classes.
            crs_transformer: of the image.
            bbox: part of the image that is predicted, in the source pixel frame.
            tmp_dir: folder for temporary files.
        """
        raise NotImplementedError(f'{type(self).__name__} has no build().')
