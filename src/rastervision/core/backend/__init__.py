"""Backends: the joint between pipelines and deep learning libraries."""

from rastervision.core.backend.backend import Backend, SampleWriter
from rastervision.core.backend.backend_config import BackendConfig
from rastervision.pipeline.config import Config

__all__ = ['Backend', 'BackendConfig', 'Config', 'SampleWriter']
