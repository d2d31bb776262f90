"""Backends: the joint between pipelines and deep learning libraries."""

from rastervision.core.backend.backend import Backend
from rastervision.core.backend.backend_config import BackendConfig
from rastervision.core.backend.chip_store import (
    ChippedScene,
    ChipStore,
    SampleWriter,
    ShareWriter,
)
from rastervision.pipeline.config import Config

__all__ = [
    'Backend',
    'BackendConfig',
    'ChipStore',
    'ChippedScene',
    'Config',
    'SampleWriter',
    'ShareWriter',
]
