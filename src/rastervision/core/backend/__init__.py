"""Backends: the joint between pipelines and deep learning libraries."""

from rastervision.core.backend.backend import Backend
from rastervision.core.backend.backend_config import BackendConfig
from rastervision.core.backend.chip_store import (
    ChippedScene,
    ChipStore,
    SampleWriter,
    ShareWriter,
)
from rastervision.core.backend.training_facts import ModelSize, TrainingFacts
from rastervision.core.compat_exports import further_names
from rastervision.pipeline.config import Config
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'Backend',
    'BackendConfig',
    'ChipStore',
    'ChippedScene',
    'Config',
    'ModelSize',
    'SampleWriter',
    'ShareWriter',
    'TrainingFacts',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
