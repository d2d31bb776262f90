"""Changes to features: class inference, buffers, shifts."""

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
