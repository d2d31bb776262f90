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


def clf_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of classification."""
    return _name_images(cfg_dict, version, 'classification')


def reg_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of regression."""
    return _name_images(cfg_dict, version, 'regression')


def objdet_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of object detection."""
    return _name_images(cfg_dict, version, 'object_detection')


def ss_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of semantic segmentation."""
    return _name_images(cfg_dict, version, 'semantic_segmentation')


def ss_image_data_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift data configs of semantic segmentation that read chips."""
    if version == 2:
        _drop(cfg_dict, 'channel_display_groups', 'img_format', 'label_format')
    return cfg_dict


def _name_images(cfg_dict: ConfigDict, version: int, task: str) -> ConfigDict:
    """The data configs of version 1 all read chips; the others came later."""
    if version == 1 and cfg_dict['type_hint'] == f'{task}_data':
        cfg_dict['type_hint'] = f'{task}_image_data'
    return cfg_dict
