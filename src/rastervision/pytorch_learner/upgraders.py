"""How learner configs were written by older releases.

Each function lifts one type by one version of the plugin `rastervision.pytorch_learner`.
"""

from typing import Any

from rastervision.pytorch_learner.backbone import Backbone

ConfigDict = dict[str, Any]


def _drop(cfg_dict: ConfigDict, *fields: str) -> None:
    for field in fields:
        cfg_dict.pop(field, None)


def model_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift models: the backbone was a number."""
    if version == 0 and isinstance(cfg_dict.get('backbone'), int):
        cfg_dict['backbone'] = Backbone.int_to_str(cfg_dict['backbone'])
    return cfg_dict


def solver_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift solvers."""
    if version == 3:
        if cfg_dict.pop('ignore_last_class', False):
            cfg_dict['ignore_class_index'] = -1
    elif version == 4:
        _drop(cfg_dict, 'test_batch_sz', 'test_num_epochs', 'overfit_num_steps')
    return cfg_dict


def learner_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift learners."""
    if version == 4:
        _drop(cfg_dict, 'overfit_mode', 'test_mode', 'predict_mode')
    return cfg_dict


def data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift what all data configs share."""
    if version == 1 and cfg_dict.get('type_hint') == 'data':
        cfg_dict['type_hint'] = 'image_data'
    elif version == 6:
        names = cfg_dict.pop('class_names', None)
        colors = cfg_dict.pop('class_colors', None)
        if names and not cfg_dict.get('class_config'):
            classes = {'type_hint': 'class_config', 'names': names, 'colors': colors}
            cfg_dict['class_config'] = classes
    return cfg_dict


def geo_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs that read scenes."""
    if version == 5 and 'window_opts' in cfg_dict:
        cfg_dict['sampling'] = cfg_dict.pop('window_opts')
    return cfg_dict


def ss_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of semantic segmentation."""
    if version == 1 and cfg_dict.get('type_hint') == 'semantic_segmentation_data':
        cfg_dict['type_hint'] = 'semantic_segmentation_image_data'
    elif version == 2:
        _drop(cfg_dict, 'channel_display_groups', 'img_format', 'label_format')
    return cfg_dict
