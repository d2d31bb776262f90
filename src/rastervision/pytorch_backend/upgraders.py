"""How backend configs were written by older releases.

Each function lifts one type by one version of the plugin `rastervision.pytorch_backend`.
"""

from typing import Any

ConfigDict = dict[str, Any]

_MOVED_TO_DATA = (
    'augmentors',
    'group_uris',
    'group_train_sz',
    'group_train_sz_rel',
    'num_workers',
    'base_transform',
    'aug_transform',
    'plot_options',
    'preview_batch_limit',
)


def pytorch_learner_backend_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift what the backends of all tasks share."""
    if version == 1:
        cfg_dict.pop('test_mode', None)
    return cfg_dict


def clf_learner_backend_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift the backend of chip classification."""
    return _gather_data(cfg_dict, version, 'classification_image_data')


def objdet_learner_backend_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift the backend of object detection."""
    return _gather_data(cfg_dict, version, 'object_detection_image_data')


def ss_learner_backend_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift the backend of semantic segmentation."""
    return _gather_data(cfg_dict, version, 'semantic_segmentation_image_data')


def _gather_data(cfg_dict: ConfigDict, version: int, data_type_hint: str) -> ConfigDict:
    """Gather the fields of a backend of version 0 that are of the data config since."""
    if version != 0:
        return cfg_dict
    data = {'type_hint': data_type_hint, 'img_sz': cfg_dict.pop('img_sz', 256)}
    data |= {name: cfg_dict.pop(name) for name in _MOVED_TO_DATA if name in cfg_dict}
    return {'data': data, **cfg_dict}
