"""MinMaxNormalize, and Albumentations transforms as dictionaries.

The transform's place is part of serialised configs
(`rastervision.pytorch_learner.utils.utils.MinMaxNormalize`), so it cannot move.
"""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.alb import BasicTransform, ImageOnlyTransform, alb

LAMBDA_PATH = 'lambda_transforms_path'
_CLASS = '__class_fullname__'


class MinMaxNormalize(ImageOnlyTransform):  # type: ignore[misc] # untyped library
    """Stretch every channel of an image linearly to a range."""

    def __init__(
        self,
        min_val: float = 0.0,
        max_val: float = 1.0,
        dtype: int = cv2.CV_32F,
        always_apply: bool = False,
        p: float = 1.0,
    ) -> None:
        """Constructor.

        Args:
            min_val: Smallest value of every channel of the result.
            max_val: Largest value.
            dtype: Type of the result, as one of OpenCV's numbers.
            always_apply: Apply it whatever `p` is.
            p: Probability that it is applied.
        """
        super().__init__(p=1.0 if always_apply else p)
        self.min_val = min_val
        self.max_val = max_val
        self.dtype = dtype

    def apply(self, img: NDArray[Any], **params: Any) -> NDArray[Any]:  # noqa: ARG002  the base's
        """Stretch an image (H, W, C) or (H, W)."""
        channels = img[..., np.newaxis] if img.ndim == 2 else img
        stretched = [
            cv2.normalize(
                np.ascontiguousarray(channels[..., i]),
                None,  # type: ignore[call-overload] # the stubs do not know of None
                self.min_val,
                self.max_val,
                cv2.NORM_MINMAX,
                self.dtype,
            )
            for i in range(channels.shape[-1])
        ]
        return np.stack(stretched, axis=-1).reshape(img.shape)

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Names of the arguments that are serialised."""
        return ('min_val', 'max_val', 'dtype')


def serialize_albumentation_transform(
    tf: BasicTransform, lambda_transforms_path: str | None = None, dst_dir: str | None = None
) -> dict[str, Any]:
    """A transform as a dictionary, for the fields of configs that take one.

    Args:
        tf: The transform.
        lambda_transforms_path: Python file that defines `lambda_transforms`, a dictionary with
            every `albumentations.Lambda` in `tf` by its name.
        dst_dir: Folder to copy that file to; the dictionary then names the copy.
    """
    tf_dict: dict[str, Any] = alb.to_dict(tf)
    if lambda_transforms_path is not None:
        path = Path(lambda_transforms_path)
        if dst_dir is not None:
            path = Path(shutil.copy(path, Path(dst_dir) / path.name))
        tf_dict[LAMBDA_PATH] = str(path)
    return tf_dict


def deserialize_albumentation_transform(tf_dict: dict[str, Any]) -> BasicTransform:
    """A transform from its dictionary.

    A file of lambda transforms that the dictionary names is executed.

    Raises:
        ConfigError: If the dictionary describes no transform.
    """
    lambdas = None
    if (path := tf_dict.get(LAMBDA_PATH)) is not None:
        lambdas = _load_lambdas(path)
    transform = tf_dict.get('transform')
    if not isinstance(transform, dict) or _CLASS not in transform:
        raise ConfigError(
            'An Albumentations transform as a dictionary was expected; make one with '
            'albumentations.to_dict(transform).'
        )
    try:
        return alb.from_dict({'transform': _with_full_names(transform)}, nonserializable=lambdas)
    except KeyError as error:
        raise ConfigError(f'There is no Albumentations transform {error}.') from error
    except Exception as error:  # pydantic's and Albumentations' own errors, of many classes
        raise ConfigError(
            f'The Albumentations transform {transform[_CLASS]} cannot be made: {error}'
        ) from error


def validate_albumentation_transform(tf_dict: dict[str, Any] | None) -> dict[str, Any] | None:
    """Check that a dictionary describes a transform, and return it.

    Raises:
        ConfigError: If it does not.
    """
    if tf_dict is not None:
        deserialize_albumentation_transform(tf_dict)
    return tf_dict


def _with_full_names(transform: dict[str, Any]) -> dict[str, Any]:
    """Old configs name MinMaxNormalize without its module."""
    named = dict(transform)
    if named[_CLASS].rpartition('.')[2] == MinMaxNormalize.__name__:
        named[_CLASS] = MinMaxNormalize.get_class_fullname()
    if 'transforms' in named:
        named['transforms'] = [_with_full_names(t) for t in named['transforms']]
    return named


def _load_lambdas(path: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location('lambda_transforms', path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise ConfigError(f'The file of lambda transforms {path} does not exist.')
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigError(f'{path} failed: {type(error).__name__}: {error}') from error
    lambdas: dict[str, Any] | None = getattr(module, 'lambda_transforms', None)
    if lambdas is None:
        raise ConfigError(f'{path} does not define lambda_transforms, a dictionary of transforms.')
    return lambdas
