"""Modules of release 0.31 are found under their paths of that time, with what was in them."""

import json
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ITEMS = json.loads((HERE / 'data/api-0.31.json').read_text('utf-8'))['items']
LEFT_OUT = json.loads((HERE / 'left_out.json').read_text('utf-8'))


def old_modules():
    """Names of functions and classes by the module that they were in."""
    found = defaultdict(set)
    for key, item in ITEMS.items():
        if key.endswith('::functions'):
            found[key.removesuffix('::functions')] |= set(item)
        else:
            found[item['module']].add(key.rpartition('.')[2])
    return dict(sorted(found.items()))


def is_left_out(path):
    return any(fnmatchcase(path, pattern) for pattern in LEFT_OUT)


@pytest.mark.parametrize(('module', 'names'), old_modules().items())
def test_modules_and_what_was_in_them(module, names):
    wanted = {name for name in names if not is_left_out(f'{module}.{name}')}
    if not wanted:
        return
    found = import_module(module)
    package = import_module(found.__package__ or module)
    missing = {name for name in wanted if not hasattr(found, name)}
    if hasattr(found, '__file__'):  # what moved within its package is imported from that
        package = import_module(found.__package__)
        missing = {name for name in missing if not hasattr(package, name)}
    assert missing == set()


def test_imports_of_old_configs():
    code = (
        'from rastervision.core.rv_pipeline.semantic_segmentation_config import '
        'SemanticSegmentationConfig as old\n'
        'import rastervision.core.data.label.tfod_utils.np_box_list as boxes\n'
        'from rastervision.core.rv_pipeline import SemanticSegmentationConfig\n'
        'assert old is SemanticSegmentationConfig and boxes.NpBoxList\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True, timeout=120)


def test_a_name_that_was_never_there():
    with pytest.raises(ImportError, match='Nothing'):
        from rastervision.core.data.scene_config import Nothing  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        import_module('rastervision.core.data.no_such_module_config')
