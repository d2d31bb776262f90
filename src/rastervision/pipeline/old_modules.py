"""Paths of modules of release 0.31 that are no more, so that imports in old code find them.

A module of such a name has what its package has, and looks it up when it is asked for.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from rastervision.pipeline.lazy import names_table

if TYPE_CHECKING:
    from importlib.abc import Loader  # slow to import

_OLD = names_table("""
rastervision.core.analyzer:
    analyzer_config stats_analyzer_config
rastervision.core.data:
    scene_config
rastervision.core.data.label:
    tfod_utils tfod_utils.np_box_list tfod_utils.np_box_list_ops
rastervision.core.data.label_source:
    chip_classification_label_source_config label_source_config
    object_detection_label_source_config semantic_segmentation_label_source_config
rastervision.core.data.label_store:
    chip_classification_geojson_store_config label_store_config
    object_detection_geojson_store_config semantic_segmentation_label_store_config utils
rastervision.core.data.raster_source:
    multi_raster_source_config raster_source_config rasterio_source_config
    rasterized_source_config temporal_multi_raster_source xarray_source_config
rastervision.core.data.raster_transformer:
    cast_transformer_config min_max_transformer_config nan_transformer_config
    raster_transformer_config reclass_transformer_config rgb_class_transformer_config
    stats_transformer_config
rastervision.core.data.utils:
    aoi_sampler
rastervision.core.data.vector_source:
    geojson_vector_source_config vector_source_config
rastervision.core.data.vector_transformer:
    buffer_transformer_config class_inference_transformer_config label_maker label_maker.filter
    shift_transformer_config vector_transformer_config
rastervision.core.evaluation:
    chip_classification_evaluator_config classification_evaluator_config evaluator_config
    object_detection_evaluator_config semantic_segmentation_evaluator_config
rastervision.core.rv_pipeline:
    chip_classification_config object_detection_config semantic_segmentation_config utils
rastervision.pytorch_backend:
    pytorch_chip_classification_config pytorch_object_detection_config
    pytorch_semantic_segmentation_config
""")
"""Modules by the package that they were in."""

_HOME_OF = {f'{package}.{name}': package for package, names in _OLD.items() for name in names}
_HOME_OF |= {
    'rastervision.pytorch_backend.pytorch_learner_backend_config': (
        'rastervision.pytorch_backend.pytorch_learner_backend'
    )
}


class OldModules:
    """Finds and loads the modules of the table when no other finder has."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - part of the interface
        target: ModuleType | None = None,  # noqa: ARG002 - part of the interface
    ) -> ModuleSpec | None:
        """What import asks for: how to load a module, None if it is not in the table."""
        if fullname not in _HOME_OF:
            return None
        inner = any(name.startswith(f'{fullname}.') for name in _HOME_OF)
        return ModuleSpec(fullname, cast('Loader', self), is_package=inner)

    def create_module(self, spec: ModuleSpec) -> None:
        """What import asks for: make a module as usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Let a new module look its names up in its package."""
        home = import_module(_HOME_OF[module.__name__])

        def get(name: str) -> Any:
            if name.startswith('__'):  # what import and inspection ask of modules
                raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}')
            return getattr(home, name)

        vars(module).update(__getattr__=get, __doc__=f'Moved to {home.__name__}.')


def install() -> None:
    """Register the finder, once."""
    if not any(isinstance(finder, OldModules) for finder in sys.meta_path):
        sys.meta_path.append(OldModules())
