"""Finding configs inside configs."""

from collections.abc import Iterator
from typing import TypeVar

from rastervision.pipeline.config import Config, walk

C = TypeVar('C', bound=Config)


def find_configs(root: Config, kind: type[C]) -> Iterator[C]:
    """Yield every config of a kind in a config, itself included, outermost first."""
    for _, config in walk(root):
        if isinstance(config, kind):
            yield config
