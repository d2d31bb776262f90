"""`rastervision validate` for pipelines over scenes."""

from rastervision.core.rv_pipeline.validation.validate import validate_pipeline

__all__ = ['validate_pipeline']
