"""The STAC item that describes a model bundle, after the Machine Learning Model extension.

Everything here is plain JSON; the standard is https://github.com/stac-extensions/mlm.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

MLM_SCHEMA = 'https://stac-extensions.github.io/mlm/v1.4.0/schema.json'
CLASSIFICATION_SCHEMA = 'https://stac-extensions.github.io/classification/v2.0.0/schema.json'
FILE_SCHEMA = 'https://stac-extensions.github.io/file/v2.1.0/schema.json'

_MEDIA_TYPES = {
    'zip': 'application/zip',
    'json': 'application/json',
    'onnx': 'application/octet-stream; framework=onnx',
}

Task = Literal['semantic-segmentation', 'object-detection', 'scene-classification', 'regression']
LonLatBounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a backend knows about its model; None stands for unknown."""

    architecture: str = 'unknown'
    framework: str | None = None
    framework_version: str | None = None
    pretrained: bool | None = None
    input_shape: tuple[int, int, int] | None = None
    """(C, H, W) of what the network sees."""
    artifact_type: str = 'unknown'
    """How the weights were saved, such as ``safetensors.torch.save_file``."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the bundle; ``outer.zip#name`` is one inside another."""

    href: str
    size: int
    sha256: str


def mlm_item(
    name: str,
    task: Task | None,
    facts: ModelFacts,
    class_names: Sequence[str],
    class_colors: Sequence[tuple[int, int, int]],
    assets: Mapping[str, Asset],
    *,
    scaling: Iterable[Mapping[str, float]] = (),
    batch_size: int | None = None,
    bounds: LonLatBounds | None = None,
    created: datetime | None = None,
) -> dict[str, Any]:
    """Describe a model bundle as a STAC item.

    Args:
        name: What to call the model; characters that the standard does not allow become '-'.
        task: What the model does, if it has a name.
        facts: What its backend knows about it.
        class_names: Names by class id.
        class_colors: RGB colours (0 to 255) by class id.
        assets: Files of the bundle by asset key; ``model`` is the one with the weights, ``onnx``
            the same model as ONNX.
        scaling: Per channel, ``mean`` and ``stddev`` of the values that the model was trained on.
        batch_size: Windows per batch in prediction.
        bounds: (west, south, east, north) in degrees of the area that the model was trained on.
        created: When the bundle was made; now when None.
    """
    when = (created or datetime.now(UTC)).astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
    properties: dict[str, Any] = {
        'datetime': when,
        'description': f'Model with the classes {", ".join(class_names)}.',
        'mlm:name': _valid_name(name),
        'mlm:architecture': facts.architecture,
        'mlm:tasks': [task] if task else [],
        'mlm:input': [_input(facts, scaling)],
        'mlm:output': [_output(task, facts, class_names, class_colors)],
        'mlm:accelerator': None,
    }
    if facts.framework:
        properties['mlm:framework'] = facts.framework
    if facts.framework_version:
        properties['mlm:framework_version'] = facts.framework_version
    if batch_size:
        properties['mlm:batch_size_suggestion'] = batch_size
    if facts.pretrained is not None:
        properties['mlm:pretrained'] = facts.pretrained
        if not facts.pretrained:
            properties['mlm:pretrained_source'] = None
    item: dict[str, Any] = {
        'type': 'Feature',
        'stac_version': '1.1.0',
        'stac_extensions': [MLM_SCHEMA, CLASSIFICATION_SCHEMA, FILE_SCHEMA],
        'id': _valid_name(name),
        'geometry': None,
        'properties': properties,
        'links': [],
        'assets': {key: _asset(key, asset, facts) for key, asset in assets.items()},
    }
    if bounds is not None:
        west, south, east, north = bounds
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        item['bbox'] = list(bounds)
        item['geometry'] = {'type': 'Polygon', 'coordinates': [ring]}
    return item


def _valid_name(name: str) -> str:
    """Bend a name to the pattern of ``mlm:name``: letter first, no odd characters."""
    plain = re.sub(r'[^a-zA-Z0-9_.-]+', '-', name).strip('-_.')
    return plain if re.match(r'[a-zA-Z]..', plain) else f'model-{plain or "bundle"}'


def _input(facts: ModelFacts, scaling: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    channels, height, width = facts.input_shape or (-1, -1, -1)
    scales = [{'type': 'z-score', **values} for values in scaling]
    return {
        'name': 'chips of the scene',
        'bands': [],
        'description': 'Chips after channel order and raster transformers, scaled to [0, 1].',
        'input': {
            'shape': [-1, channels, height, width],
            'dim_order': ['batch', 'channel', 'height', 'width'],
            'data_type': 'float32',
        },
        'value_scaling': scales or None,
        'resize_type': 'interpolation-linear',
    }


def _output(
    task: Task | None,
    facts: ModelFacts,
    class_names: Sequence[str],
    class_colors: Sequence[tuple[int, int, int]],
) -> dict[str, Any]:
    shape, dims = [-1, len(class_names)], ['batch', 'class']
    if task == 'semantic-segmentation':
        _, height, width = facts.input_shape or (-1, -1, -1)
        shape, dims = [*shape, height, width], [*dims, 'height', 'width']
    classes = [
        {
            'value': i,
            'name': re.sub(r'[^0-9A-Za-z_-]+', '_', name) or str(i),
            'title': name,
            'description': name,
            'color_hint': ''.join(f'{c:02X}' for c in color),
        }
        for i, (name, color) in enumerate(zip(class_names, class_colors, strict=True))
    ]
    return {
        'name': 'scores',
        'tasks': [task] if task else [],
        'result': {'shape': shape, 'dim_order': dims, 'data_type': 'float32'},
        'classification:classes': classes,
    }


def _asset(key: str, asset: Asset, facts: ModelFacts) -> dict[str, Any]:
    artifact = {'model': facts.artifact_type, 'onnx': 'torch.onnx.export'}.get(key)
    out: dict[str, Any] = {
        'href': asset.href,
        'type': _MEDIA_TYPES[asset.href.rpartition('.')[2]],
        'title': key,
        'roles': ['mlm:model', 'data'] if artifact else ['metadata'],
        'file:size': asset.size,
        # a multihash: 0x12 is SHA-256, 0x20 its length
        'file:checksum': f'1220{asset.sha256}',
    }
    if artifact:
        out['mlm:artifact_type'] = artifact
    return out
