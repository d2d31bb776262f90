"""How pipeline configs and their options were written by older releases.

Each function lifts one type by one version: ``version`` is the plugin version that the dict has.
A pipeline and its options may be lifted in either order, so both only add to ``sampling``.
"""

from typing import Any

ConfigDict = dict[str, Any]


def rv_pipeline_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift what all pipelines share."""
    if version == 10:
        _move_chip_fields(cfg_dict)
    elif version == 11:
        size = cfg_dict.pop('predict_chip_sz', 300)
        batch = cfg_dict.pop('predict_batch_sz', 8)
        options = cfg_dict.get('predict_options') or {}
        cfg_dict['predict_options'] = {'chip_sz': size, 'batch_sz': batch, **options}
    return cfg_dict


def _move_chip_fields(cfg_dict: ConfigDict) -> None:
    size = cfg_dict.pop('train_chip_sz', 300)
    threshold = cfg_dict.pop('chip_nodata_threshold', 1.0)
    options = dict(cfg_dict.get('chip_options') or {})
    sampling = dict(options.get('sampling') or {})
    if 'method' in options:
        sampling['method'] = _sampling_method(options.pop('method'))
    options['sampling'] = {**sampling, 'size': size}
    options.setdefault('nodata_threshold', threshold)
    cfg_dict['chip_options'] = options


def ss_config_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift what only semantic segmentation pipelines had."""
    if version == 0:
        for field in ('channel_display_groups', 'img_format', 'label_format'):
            cfg_dict.pop(field, None)
    return cfg_dict


def ss_chip_options_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift the chip options of semantic segmentation."""
    if version == 10:
        sampling = dict(cfg_dict.get('sampling') or {})
        if 'window_method' in cfg_dict:
            sampling['method'] = _sampling_method(cfg_dict.pop('window_method'))
        for old, new in (('stride', 'stride'), ('chips_per_scene', 'max_windows')):
            if old in cfg_dict:
                sampling[new] = cfg_dict.pop(old)
        cfg_dict['sampling'] = sampling
    return cfg_dict


def od_chip_options_upgrader(cfg_dict: ConfigDict, version: int) -> ConfigDict:
    """Lift the chip options of object detection."""
    if version == 10:
        sampling = dict(cfg_dict.get('sampling') or {})
        if 'window_method' in cfg_dict:
            sampling['method'] = _sampling_method(cfg_dict.pop('window_method'))
        for field in ('neg_ratio', 'ioa_thresh'):
            if field in cfg_dict:
                sampling[field] = cfg_dict.pop(field)
        cfg_dict.pop('label_buffer', None)  # of the window method "label", which is gone
        cfg_dict['sampling'] = sampling
    return cfg_dict


def _sampling_method(old: str) -> str:
    return 'sliding' if old == 'sliding' else 'random'
