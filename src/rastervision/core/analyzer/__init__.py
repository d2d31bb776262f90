"""What ANALYZE computes. Release 0.31 exported the names of other packages as well."""

from rastervision.core.analyzer.analyzer import Analyzer, AnalyzerConfig
from rastervision.core.analyzer.stats_analyzer import StatsAnalyzer, StatsAnalyzerConfig
from rastervision.core.data.scene import Scene
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

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
