"""JSON text that every reader takes."""

import json
from math import isfinite
from typing import Any

_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def encode(value: Any) -> str:
    """JSON text of a value; numbers that are not finite, which JSON has none of, become null."""
    try:
        return _strict(value)
    except ValueError:
        return _strict(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
