"""Scenes from URIs in one call."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.label_source.semantic_segmentation_label_source import (
    SemanticSegmentationLabelSource,
)
from rastervision.core.data.raster_source.raster_source import RasterSource
from rastervision.core.data.raster_source.rasterio_source import RasterioSource
from rastervision.core.data.raster_source.rasterized_source import RasterizedSource
from rastervision.core.data.scene import Scene, read_aoi
from rastervision.core.data.utils.misc import Uris, listify_uris
from rastervision.core.data.vector_source import GeoJSONVectorSource, GeoJSONVectorSourceConfig
from rastervision.core.data.vector_transformer import (
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    VectorTransformer,
)
from rastervision.pipeline.errors import ConfigError


def make_ss_scene(
    image_uri: Uris,
    label_raster_uri: Uris | None = None,
    class_config: ClassConfig | None = None,
    label_vector_uri: Uris | None = None,
    aoi_uri: Uris = (),
    label_vector_default_class_id: int | None = None,
    image_raster_source_kw: Mapping[str, Any] | None = None,
    label_raster_source_kw: Mapping[str, Any] | None = None,
    label_vector_source_kw: Mapping[str, Any] | None = None,
    scene_id: str | None = None,
) -> Scene:
    """Scene for semantic segmentation.

    Args:
        image_uri: the image; a list is shown as one mosaic.
        label_raster_uri: labels as a raster of class ids.
        class_config: the classes; needed with labels. A null class is added when there is none.
        label_vector_uri: labels as polygons, in any vector format.
        aoi_uri: vector file with areas of interest.
        label_vector_default_class_id: class of polygons that do not tell theirs.
        image_raster_source_kw: further arguments of the `RasterioSource` of the image.
        label_raster_source_kw: further arguments of the `RasterioSource`, or for polygons the
            `RasterizedSource`, of the labels. The background is of the null class unless
            background_class_id is among them.
        label_vector_source_kw: further arguments of the `GeoJSONVectorSource`.
        scene_id: name of the scene; the URI of the image when absent.

    Raises:
        ConfigError: labels of both kinds, or labels without classes.
        RVError: a file is missing, unreadable, or does not fit the others.
    """
    image = RasterioSource(image_uri, **(image_raster_source_kw or {}))
    label_source = None
    if label_raster_uri is not None or label_vector_uri is not None:
        if class_config is None:
            raise _without_classes()
        class_config.ensure_null_class()
        labels = _label_raster(
            image.crs_transformer,
            label_raster_uri,
            label_vector_uri,
            class_config,
            label_vector_default_class_id,
            dict(label_raster_source_kw or {}),
            dict(label_vector_source_kw or {}),
        )
        label_source = SemanticSegmentationLabelSource(labels, class_config)
    return _scene(image_uri, image, label_source, aoi_uri, scene_id)


def make_cc_scene(
    image_uri: Uris,
    label_vector_uri: Uris | None = None,
    class_config: ClassConfig | None = None,
    aoi_uri: Uris = (),
    label_vector_default_class_id: int | None = None,
    image_raster_source_kw: Mapping[str, Any] | None = None,
    label_vector_source_kw: Mapping[str, Any] | None = None,
    label_source_kw: Mapping[str, Any] | None = None,
    scene_id: str | None = None,
) -> Scene:
    """Scene for chip classification.

    Args:
        image_uri: the image; a list is shown as one mosaic.
        label_vector_uri: cells, or polygons that cells get their class from, in any vector
            format.
        class_config: the classes; needed with labels.
        aoi_uri: vector file with areas of interest.
        label_vector_default_class_id: class of polygons that do not tell theirs.
        image_raster_source_kw: further arguments of the `RasterioSource` of the image.
        label_vector_source_kw: further fields of the `GeoJSONVectorSourceConfig`.
        label_source_kw: further fields of the `ChipClassificationLabelSourceConfig`.
        scene_id: name of the scene; the URI of the image when absent.

    Raises:
        ConfigError: labels without classes, or a wrong argument.
        RVError: a file is missing, unreadable, or does not fit the others.
    """
    from rastervision.core.data.label_source.chip_classification_label_source import (
        ChipClassificationLabelSourceConfig,
    )

    return _vector_scene(
        partial(ChipClassificationLabelSourceConfig, **(label_source_kw or {})),
        image_uri,
        label_vector_uri,
        class_config,
        aoi_uri,
        label_vector_default_class_id,
        image_raster_source_kw,
        label_vector_source_kw,
        scene_id,
    )


def make_od_scene(
    image_uri: Uris,
    label_vector_uri: Uris | None = None,
    class_config: ClassConfig | None = None,
    aoi_uri: Uris = (),
    label_vector_default_class_id: int | None = None,
    image_raster_source_kw: Mapping[str, Any] | None = None,
    label_vector_source_kw: Mapping[str, Any] | None = None,
    label_source_kw: Mapping[str, Any] | None = None,
    scene_id: str | None = None,
) -> Scene:
    """Scene for object detection.

    Args:
        label_vector_uri: boxes of objects, or polygons around them, in any vector format.
        label_source_kw: further fields of the `ObjectDetectionLabelSourceConfig`.
        image_uri: as for `make_cc_scene`, like all others.
        class_config: see there.
        aoi_uri: see there.
        label_vector_default_class_id: see there.
        image_raster_source_kw: see there.
        label_vector_source_kw: see there.
        scene_id: see there.
    """
    from rastervision.core.data.label_source.object_detection_label_source import (
        ObjectDetectionLabelSourceConfig,
    )

    return _vector_scene(
        partial(ObjectDetectionLabelSourceConfig, **(label_source_kw or {})),
        image_uri,
        label_vector_uri,
        class_config,
        aoi_uri,
        label_vector_default_class_id,
        image_raster_source_kw,
        label_vector_source_kw,
        scene_id,
    )


def make_cr_scene(
    image_uri: Uris,
    label_vector_uri: Uris | None = None,
    class_config: ClassConfig | None = None,
    aoi_uri: Uris = (),
    image_raster_source_kw: Mapping[str, Any] | None = None,
    label_vector_source_kw: Mapping[str, Any] | None = None,
    label_source_kw: Mapping[str, Any] | None = None,
    scene_id: str | None = None,
) -> Scene:
    """Scene for chip regression.

    Args:
        label_vector_uri: features that have the targets as properties, in any vector format.
        class_config: its names are those of the targets; needed with labels.
        label_source_kw: further fields of the `ChipRegressionLabelSourceConfig`.
        image_uri: as for `make_cc_scene`, like all others.
        aoi_uri: see there.
        image_raster_source_kw: see there.
        label_vector_source_kw: see there.
        scene_id: see there.
    """
    from rastervision.core.data.label_source.chip_regression_label_source import (
        ChipRegressionLabelSourceConfig,
    )

    return _vector_scene(
        partial(ChipRegressionLabelSourceConfig, **(label_source_kw or {})),
        image_uri,
        label_vector_uri,
        class_config,
        aoi_uri,
        None,
        image_raster_source_kw,
        label_vector_source_kw,
        scene_id,
    )


def _vector_scene(
    make_config: Callable[..., LabelSourceConfig],
    image_uri: Uris,
    label_vector_uri: Uris | None,
    class_config: ClassConfig | None,
    aoi_uri: Uris,
    default_class_id: int | None,
    image_kw: Mapping[str, Any] | None,
    vector_kw: Mapping[str, Any] | None,
    scene_id: str | None,
) -> Scene:
    """A scene whose label source is made of a vector source by `make_config`."""
    image = RasterioSource(image_uri, **(image_kw or {}))
    label_source = None
    if label_vector_uri is not None:
        if class_config is None:
            raise _without_classes()
        vectors = GeoJSONVectorSourceConfig(
            uris=listify_uris(label_vector_uri), **(vector_kw or {})
        )
        if default_class_id is not None:
            inference = ClassInferenceTransformerConfig(default_class_id=default_class_id)
            vectors.transformers = [inference, *vectors.transformers]
        config = make_config(vector_source=vectors)
        config.update()
        label_source = config.build(class_config, image.crs_transformer, image.bbox)
    return _scene(image_uri, image, label_source, aoi_uri, scene_id)


def _without_classes() -> ConfigError:
    return ConfigError('A scene with labels needs class_config, which names its classes.')


def _scene(
    image_uri: Uris,
    image: RasterSource,
    label_source: LabelSource | None,
    aoi_uri: Uris,
    scene_id: str | None,
) -> Scene:
    name = listify_uris(image_uri)[0] if scene_id is None else scene_id
    aoi = read_aoi(listify_uris(aoi_uri), image, name)
    return Scene(name, image, label_source=label_source, aoi_polygons=aoi)


def _label_raster(
    crs_transformer: CRSTransformer,
    raster_uri: Uris | None,
    vector_uri: Uris | None,
    class_config: ClassConfig,
    default_class_id: int | None,
    raster_kw: dict[str, Any],
    vector_kw: dict[str, Any],
) -> RasterSource:
    if raster_uri is not None:
        if vector_uri is not None:
            raise ConfigError('Give label_raster_uri or label_vector_uri, not both.')
        return RasterioSource(raster_uri, **raster_kw)
    if vector_uri is None:
        raise ConfigError('Give label_raster_uri or label_vector_uri.')
    vector_source = GeoJSONVectorSource(
        vector_uri, crs_transformer, **_with_inference(vector_kw, class_config, default_class_id)
    )
    raster_kw.setdefault('background_class_id', class_config.null_class_id)
    return RasterizedSource(vector_source, **raster_kw)


def _with_inference(
    vector_kw: dict[str, Any], class_config: ClassConfig, default_class_id: int | None
) -> dict[str, Any]:
    """Arguments of a vector source, with class inference first unless they have some."""
    given: Sequence[VectorTransformer] = vector_kw.get('vector_transformers', ())
    if default_class_id is None and any(isinstance(t, ClassInferenceTransformer) for t in given):
        return vector_kw
    inference = ClassInferenceTransformer(default_class_id, class_config=class_config)
    return {**vector_kw, 'vector_transformers': [inference, *given]}
