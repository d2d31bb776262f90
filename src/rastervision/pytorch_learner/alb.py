"""The one importer of Albumentations.

Unless it is told not to, the library asks a package registry for its newest version whenever it is
imported, and warns where there is no network. It reads that from the environment only.
"""

import os

os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')

import albumentations as alb
from albumentations.core.transforms_interface import (
    BasicTransform,
    ImageOnlyTransform,
)

__all__ = ['BasicTransform', 'ImageOnlyTransform', 'alb']
