"""The learner's model bundle: weights, config, the model as ONNX, the code of external models."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rastervision.core.bundle import (
    LEARNER_CONFIG,
    MODEL_BUNDLE,
    MODULES,
    ONNX,
    extract_bundle,
    file_digest,
    require_trust,
    write_bundle,
)
from rastervision.pipeline.errors import DataError, RVError
from rastervision.pytorch_learner.inference.onnx_model import OnnxModel
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.solver_config import SolverConfig
from rastervision.pytorch_learner.utils.torch_hub import get_hubconf_dir_from_cfg, has_hubconf

if TYPE_CHECKING:
    from rastervision.pytorch_learner.external_module import ExternalModuleConfig

WEIGHTS = 'model.safetensors'
OLD_WEIGHTS = 'model.pth'
"""Name of the weights in bundles of release 0.31: a state dictionary saved by torch."""

ONNX_RECORD = 'onnx.json'
"""How far the ONNX file agrees with the weights, and the digests of both."""


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """An unpacked model bundle.

    Attributes:
        cfg: Config of the learner to make.
        weights: Path of the weights file.
        model_def: Folder with the code of the model, None if it brings none.
        loss_def: Folder with the code of the loss, likewise.
        onnx_path: Path of the model as ONNX, None if there is none.
        onnx: The same with what is known about it, if it was compared with these weights.
    """

    cfg: LearnerConfig
    weights: str
    model_def: str | None
    loss_def: str | None
    onnx_path: str | None
    onnx: OnnxModel | None


def write_model_bundle(
    bundle_uri: str,
    cfg: LearnerConfig,
    model: nn.Module,
    modules_dir: Path,
    onnx: OnnxModel | None = None,
) -> None:
    """Write a model bundle in one step.

    Args:
        bundle_uri: Where to write.
        cfg: The learner's config.
        model: The network.
        modules_dir: Folder with the code of external modules, a folder each; need not exist.
        onnx: The network as ONNX, after it was compared.

    Raises:
        NotWritableError: It cannot be written.
    """
    from safetensors.torch import save_file

    code = {
        f'{MODULES}/{path.relative_to(modules_dir).as_posix()}': path
        for path in sorted(modules_dir.rglob('*'))
        if path.is_file() and '__pycache__' not in path.parts
    }
    with tempfile.TemporaryDirectory() as tmp_dir:
        weights, config = Path(tmp_dir, WEIGHTS), Path(tmp_dir, LEARNER_CONFIG)
        save_file(_own_tensors(model), weights)
        cfg.to_file(str(config))
        files: dict[str, Path | bytes] = {WEIGHTS: weights, LEARNER_CONFIG: config, **code}
        if onnx is not None:
            files[ONNX] = Path(onnx.path)
            files[ONNX_RECORD] = _onnx_record(onnx, weights)
        write_bundle(bundle_uri, files)


def _onnx_record(onnx: OnnxModel, weights: Path) -> bytes:
    record = {
        'image_sz': onnx.image_sz,
        'any_size': onnx.any_size,
        'difference': onnx.difference,
        'sha256': _digests(weights, Path(onnx.path)),
    }
    return json.dumps(record, indent=1).encode()


def _digests(weights: Path, onnx: Path) -> dict[str, str]:
    return {WEIGHTS: file_digest(weights)[1], ONNX: file_digest(onnx)[1]}


def _own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Weights by name; where names share memory, which the format forbids, each gets a copy."""
    state: dict[str, Tensor] = {}
    seen = set()
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor):
            raise DataError(
                f'The state of the model has {name} of type {type(value).__name__}; a model bundle '
                'holds tensors only.'
            )
        tensor = value.detach().cpu().contiguous()
        where = tensor.untyped_storage().data_ptr()
        state[name] = tensor.clone() if where in seen else tensor
        seen.add(where)
    return state


def open_model_bundle(
    bundle_uri: str,
    tmp_dir: str,
    cfg: LearnerConfig | None = None,
    *,
    own_model: bool = False,
    trust_code: bool = False,
    train: bool = False,
) -> OpenBundle:
    """Unpack a model bundle.

    Args:
        bundle_uri: Bundle that a learner wrote, or one of a pipeline, which holds it. Those of
            release 0.31 can be read as well.
        tmp_dir: Folder to unpack into; it has to last as long as the result is used.
        cfg: Config to use instead of the bundle's, whose code is then not needed. For prediction,
            the class that was not trained is taken over from the bundle.
        own_model: Whether the caller brings the network, so that its code is not needed.
        trust_code: Whether code that the bundle carries may be run.
        train: Whether the model is to be trained further.

    Raises:
        NotReadableError: There is no such file.
        DataError: It is no model bundle, is damaged, or its code is needed and not trusted.
    """
    if cfg is None and not own_model:
        require_trust(bundle_uri, trust_code)
    folder = Path(tempfile.mkdtemp(dir=tmp_dir, prefix='model-bundle-'))
    extract_bundle(bundle_uri, folder)
    if not (folder / LEARNER_CONFIG).is_file() and (folder / MODEL_BUNDLE).is_file():
        inner = folder / 'model-bundle'
        extract_bundle(folder / MODEL_BUNDLE, inner)
        folder = inner
    weights = next((p for n in (WEIGHTS, OLD_WEIGHTS) if (p := folder / n).is_file()), None)
    if weights is None or not (folder / LEARNER_CONFIG).is_file():
        missing = LEARNER_CONFIG if weights else WEIGHTS
        raise DataError(f'{bundle_uri} is no model bundle: it has no {missing}.')
    if cfg is None:
        cfg = _read_config(bundle_uri, folder / LEARNER_CONFIG)
        fields = [f for f in cfg.foreign_code() if not (own_model and f == 'model.external_def')]
        if fields and not trust_code:
            raise DataError(
                f'{bundle_uri} runs code that is no part of it ({", ".join(fields)}). If you trust '
                'its source, pass --trust-code (or trust_code=True).'
            )
    elif not train:
        cfg = _with_untrained_class(cfg, folder / LEARNER_CONFIG)
    model, solver = cfg.model, cfg.solver
    onnx = folder / ONNX
    return OpenBundle(
        cfg,
        str(weights),
        _code(folder, model.external_def if model else None, trust_code),
        _code(folder, solver.external_loss_def if solver else None, trust_code),
        str(onnx) if onnx.is_file() else None,
        _compared_onnx(bundle_uri, weights, onnx),
    )


def _compared_onnx(bundle_uri: str, weights: Path, onnx: Path) -> OnnxModel | None:
    """The ONNX file if there is a record that it was compared with just these weights."""
    path = onnx.with_name(ONNX_RECORD)
    if not (onnx.is_file() and path.is_file()):
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        model = OnnxModel(
            str(onnx), record['image_sz'], record['any_size'] is True, record['difference']
        )
        compared = record['sha256']
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f'{ONNX_RECORD} in {bundle_uri} cannot be read: {error}.') from error
    return model if compared == _digests(weights, onnx) else None


def get_learner_config_from_bundle_dir(model_bundle_dir: str) -> LearnerConfig:
    """Read the config in a folder with an unpacked bundle, which an older release may have written.

    Raises:
        NotReadableError: There is none.
        ConfigError: It cannot be lifted to today's form.
    """
    return LearnerConfig.from_file(str(Path(model_bundle_dir, LEARNER_CONFIG)))


def _read_config(bundle_uri: str, path: Path) -> LearnerConfig:
    try:
        cfg = LearnerConfig.from_file(str(path))
    except RVError as error:
        raise DataError(f'{path.name} in {bundle_uri} cannot be used: {error}') from error
    if cfg.model is not None:
        # the weights are in the bundle
        cfg.model.pretrained = False
        cfg.model.init_weights = None
    return cfg


def _with_untrained_class(cfg: LearnerConfig, path: Path) -> LearnerConfig:
    """A config that names the class which the loss of the bundle left out, if it names none."""
    try:
        ignored = json.loads(path.read_bytes())['solver']['ignore_class_index']
    except (ValueError, TypeError, KeyError):  # nothing that we need: the config is not used
        ignored = None
    if ignored is None or (cfg.solver and cfg.solver.ignore_class_index is not None):
        return cfg
    cfg = cfg.copy()
    cfg.solver = cfg.solver or SolverConfig()
    cfg.solver.ignore_class_index = ignored
    return cfg


def _code(folder: Path, module: 'ExternalModuleConfig | None', trusted: bool) -> str | None:
    """Folder with the code of an external module, if the bundle has it and it may be run."""
    if module is None or not trusted:
        return None
    path = get_hubconf_dir_from_cfg(module, str(folder / MODULES))
    return path if has_hubconf(path) else None
