"""The example `tiny_cells` of Raster Vision, with a backend that does nothing."""

from plugin.noop_backend import NoopBackendConfig

from rastervision.core.rv_pipeline import (
    ChipClassificationConfig,
    ChipOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pytorch_backend.examples import tiny_cells


def get_config(
    runner: str, root_uri: str = 'build/noop', class_id: int = 0
) -> ChipClassificationConfig:
    """Describe the pipeline.

    Args:
        runner: Name of the runner.
        root_uri: Folder to write to.
        class_id: Class of every cell.
    """
    config = tiny_cells.get_config(runner, root_uri, pretrained=False)
    config.backend = NoopBackendConfig(class_id=class_id)
    size = tiny_cells.CELL_SZ
    config.chip_options = ChipOptions(
        sampling=WindowSamplingConfig(method=WindowSamplingMethod.sliding, size=size, stride=size)
    )
    return config
