"""How much Raster Vision says."""

from enum import IntEnum


class Verbosity(IntEnum):
    """How much is printed and logged."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2
    VERY_VERBOSE = 3
    DEBUG = 4

    @staticmethod
    def get() -> 'Verbosity':
        """The verbosity that was asked for on the command line."""
        from rastervision.pipeline import rv_config_

        return rv_config_.get_verbosity()
