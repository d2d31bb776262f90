"""What ANALYZE computes. Release 0.31 exported the names of other packages as well."""

from rastervision.core.analyzer.analyzer import Analyzer, AnalyzerConfig
from rastervision.core.analyzer.stats_analyzer import StatsAnalyzer, StatsAnalyzerConfig
from rastervision.core.compat_exports import further_names
from rastervision.core.data.scene import Scene
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'Analyzer',
    'AnalyzerConfig',
    'Config',
    'ConfigError',
    'RasterStats',
    'Scene',
    'StatsAnalyzer',
    'StatsAnalyzerConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
