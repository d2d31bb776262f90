"""The import path of release 0.31."""

from rastervision.pipeline.pipeline import PipelineConfig

__all__ = ['PipelineConfig']
