"""What ANALYZE computes."""

from rastervision.core.analyzer.analyzer import Analyzer, AnalyzerConfig
from rastervision.core.analyzer.stats_analyzer import StatsAnalyzer, StatsAnalyzerConfig

__all__ = ['Analyzer', 'AnalyzerConfig', 'StatsAnalyzer', 'StatsAnalyzerConfig']
