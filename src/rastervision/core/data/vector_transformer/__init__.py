"""Changes to features: class inference, buffers, shifts."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.vector_transformer.buffer_transformer import (
    BufferTransformer,
    BufferTransformerConfig,
)
from rastervision.core.data.vector_transformer.class_inference_transformer import (
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
)
from rastervision.core.data.vector_transformer.shift_transformer import (
    ShiftTransformer,
    ShiftTransformerConfig,
)
from rastervision.core.data.vector_transformer.vector_transformer import (
    VectorTransformer,
    VectorTransformerConfig,
)
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'BufferTransformer',
    'BufferTransformerConfig',
    'ClassInferenceTransformer',
    'ClassInferenceTransformerConfig',
    'ShiftTransformer',
    'ShiftTransformerConfig',
    'VectorTransformer',
    'VectorTransformerConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
