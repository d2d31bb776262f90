"""ClassInferenceTransformer: gives every feature a class id."""

import logging
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import shapely
from pydantic import Field, field_validator

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features, Properties, to_class_id
from rastervision.core.data.vector_transformer.property_filter import Predicate, compile_filter
from rastervision.core.data.vector_transformer.vector_transformer import (
    ArrayVectorTransformer,
    VectorTransformerConfig,
)
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError

log = logging.getLogger(__name__)

_NAME_PROPERTIES = ('class_name', 'label')
_MANY = 8  # names of properties in a message


class ClassInferenceTransformer(ArrayVectorTransformer):
    """Sets the property `class_id` of every feature, and drops features without a class.

    The first of these that gives a class counts: the property `class_id`; the property
    `class_name` or `label`, if it names a class; the first of the filters that holds; the
    default.
    """

    def __init__(
        self,
        default_class_id: int | None,
        class_config: ClassConfig | None = None,
        class_id_to_filter: Mapping[int, list[Any]] | None = None,
        class_name_mapping: Mapping[str, str] | None = None,
    ) -> None:
        """Constructor.

        Args:
            default_class_id: class of features whose class cannot be told otherwise. None
                drops them.
            class_config: the classes; needed for names to be understood.
            class_id_to_filter: filters on the properties by class id, see `property_filter`.
            class_name_mapping: names in the file to names in `class_config`.

        Raises:
            ConfigError: a malformed filter, or a class id or name that is no class.
        """
        self.default_class_id = default_class_id
        self.class_config = class_config
        self.class_id_to_filter = class_id_to_filter
        self.class_name_mapping = dict(class_name_mapping or {})
        self._filters = _compile_filters(class_id_to_filter)
        if class_config is not None:
            self._check_classes(class_config)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != '_filters'}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._filters = _compile_filters(self.class_id_to_filter)

    def _check_classes(self, class_config: ClassConfig) -> None:
        field = 'default_class_id'
        try:
            if self.default_class_id is not None:
                class_config.get_name(self.default_class_id)
            field = 'class_id_to_filter'
            for class_id in self._filters:
                class_config.get_name(class_id)
            field = 'class_name_mapping'
            for name in self.class_name_mapping.values():
                class_config.get_class_id(name)
        except ConfigError as e:
            raise ConfigError(f'{field} of a class inference: {e}') from None

    def reach(self, bbox: Box, crs_transformer: CRSTransformer | None = None) -> float:  # noqa: ARG002 - interface
        return 0.0

    @staticmethod
    def infer_feature_class_id(
        feature: dict[str, Any],
        default_class_id: int | None,
        class_config: ClassConfig | None = None,
        class_id_to_filter: Mapping[int, list[Any]] | None = None,
        class_name_mapping: Mapping[str, str] | None = None,
    ) -> int | None:
        """Class id of one GeoJSON feature; None when it has none."""
        transformer = ClassInferenceTransformer(
            default_class_id, class_config, class_id_to_filter, class_name_mapping
        )
        geometry = feature.get('geometry') or {}
        kind = str(geometry.get('type', '')).removeprefix('Multi')
        return transformer.infer(feature.get('properties') or {}, kind)

    def infer(self, properties: Properties, geom_type: str) -> int | None:
        """Class id of a feature; None when it has none.

        Args:
            properties: of the feature.
            geom_type: Point, LineString or Polygon.

        Raises:
            DataError: the property class_id is no class id.
        """
        if properties.get('class_id') is not None:
            return self._checked_id(properties['class_id'])
        by_name = self._infer_by_name(properties)
        if by_name is not None:
            return by_name
        if self._filters:
            searched = {**properties, '$type': geom_type}
            for class_id, holds in self._filters.items():
                if holds(searched):
                    return class_id
        return self.default_class_id

    def _infer_by_name(self, properties: Properties) -> int | None:
        if self.class_config is None:
            return None
        for key in _NAME_PROPERTIES:
            name = properties.get(key)
            name = self.class_name_mapping.get(name, name) if isinstance(name, str) else name
            if name in self.class_config.names:
                return self.class_config.get_class_id(name)
        return None

    def _checked_id(self, value: Any) -> int:
        class_id = to_class_id(value)
        if class_id is None:
            raise DataError(f'the class_id {value!r} is not a whole number')
        count = None if self.class_config is None else len(self.class_config)
        if class_id < 0 or (count is not None and class_id >= count):
            ids = 'not be negative' if count is None else f'be in 0..{count - 1}'
            raise DataError(f'the class_id {value} is no class, it must {ids}')
        return class_id

    def apply(
        self,
        features: Features,
        crs_transformer: CRSTransformer | None = None,  # noqa: ARG002 - part of the interface
    ) -> Features:
        """Set the class ids.

        Raises:
            DataError: a class name that is not in the class config and gets no class otherwise;
                a class id that is none; no feature that has a class, and nothing in the options
                that could give it one. The message names the file and the value.
        """
        kinds = shapely.get_type_id(features.geoms)
        names = {int(t): t.name.title().replace('string', 'String') for t in _types(kinds)}
        try:
            ids = [
                self.infer(properties, names[kind])
                for properties, kind in zip(features.properties, kinds.tolist(), strict=True)
            ]
        except DataError as e:
            raise DataError(f'{features.origin}: {e}.') from None
        self._report_unknown_names(features, ids)
        self._report_contradictions(features, ids)
        known = np.array([class_id is not None for class_id in ids], dtype=bool)
        if len(known) and not known.any() and not self._filters:
            raise DataError(
                f'{features.origin}: none of the {len(known)} features has a class, by the '
                'property class_id, class_name or label. Give them one, or set default_class_id '
                'of the class inference.'
            )
        if not known.all():
            text = (
                f'{features.origin}: {int((~known).sum())} of {len(known)} features have no class '
                'and are left out; default_class_id would give them one'
            )
            why = '.' if known.any() else f': {self._no_hit(features)}'
            _tell_once(logging.WARNING, text + why)
        labelled = [
            {**properties, 'class_id': class_id}
            for properties, class_id in zip(features.properties, ids, strict=True)
        ]
        return Features(features.geoms, labelled, features.origin).filter(known)

    def _report_unknown_names(self, features: Features, ids: list[int | None]) -> None:
        """Refuse names that are no class, unless a default or a filter gives features a class."""
        if self.class_config is None:
            return
        unknown: Counter[str] = Counter()
        for properties, class_id in zip(features.properties, ids, strict=True):
            if class_id is None or (class_id == self.default_class_id and not self._filters):
                unknown.update(self._unknown_name(properties))
        if not unknown:
            return
        names = ', '.join(f'{name!r}' for name, _ in unknown.most_common(5))
        text = (
            f'{features.origin}: {unknown.total()} features are of the class {names}, but the '
            f'classes are {", ".join(self.class_config.names)}'
        )
        if self.default_class_id is not None:
            _tell_once(
                logging.INFO,
                f'{text}; default_class_id {self.default_class_id} is taken. A class_name_mapping '
                'of these names says the same without this line.',
            )
        elif not self._filters:
            raise DataError(
                f'{text}. Map the names with class_name_mapping, give class_id_to_filter, or set '
                'default_class_id.'
            )
        elif all(class_id is None for class_id in ids):
            raise DataError(f'{text}; {self._no_hit(features)}')

    @staticmethod
    def _no_hit(features: Features) -> str:
        """Say that the filters hold for no feature, and what they have to go by."""
        found = sorted({name for properties in features.properties for name in properties})
        names = ', '.join(found[:_MANY]) + (', ...' if len(found) > _MANY else '')
        return (
            f'no filter of class_id_to_filter holds for any of the {len(features.geoms)} '
            f'features; their properties are {names or "none"}.'
        )

    def _report_contradictions(self, features: Features, ids: list[int | None]) -> None:
        """Log the first class_id beside a name that is that of another class, or of none."""
        if self.class_config is None:
            return
        found = [
            (name, class_id)
            for properties, class_id in zip(features.properties, ids, strict=True)
            if class_id is not None and properties.get('class_id') is not None
            for name in self._names(properties)[:1]
            if name != self.class_config.names[class_id]
        ]
        if found:
            name, class_id = found[0]
            other = self.class_config.names[class_id]
            _tell_once(
                logging.WARNING,
                f'{features.origin}: {len(found)} features have a class_id that contradicts their '
                f'name, such as {name!r} with class_id {class_id}, which is {other!r} in the class '
                'config; the class_id is taken.',
            )

    def _names(self, properties: Properties) -> list[str]:
        """Return the class names that the properties give, mapped to those of the class config."""
        found = (properties.get(key) for key in _NAME_PROPERTIES)
        return [self.class_name_mapping.get(n, n) for n in found if isinstance(n, str)]

    def _unknown_name(self, properties: Properties) -> list[str]:
        if properties.get('class_id') is not None or self._infer_by_name(properties) is not None:
            return []
        found = (properties.get(key) for key in _NAME_PROPERTIES)
        return [name for name in found if isinstance(name, str)][:1]


@cache
def _tell_once(level: int, text: str) -> None:
    """Log what a file gives rise to once, however often it is read."""
    log.log(level, text)


def _types(kinds: Any) -> list[shapely.GeometryType]:
    return [shapely.GeometryType(kind) for kind in np.unique(kinds)]


def _compile_filters(class_id_to_filter: Mapping[int, list[Any]] | None) -> dict[int, Predicate]:
    return {int(i): compile_filter(f) for i, f in (class_id_to_filter or {}).items()}


@register_config('class_inference_transformer')
class ClassInferenceTransformerConfig(VectorTransformerConfig):
    """Tell the class of each feature."""

    default_class_id: int | None = Field(
        None,
        ge=0,
        description=(
            'Class id of features whose class cannot be told from their properties. None leaves '
            'them out.'
        ),
    )
    class_id_to_filter: dict[int, list[Any]] | None = Field(
        None,
        description=(
            "Filters on the features' properties by class id, in Mapbox's notation, e.g. "
            '{0: ["==", "type", "house"]}. Operators: ==, !=, <, <=, >, >=, in, !in, has, !has, '
            'all, any, none. The first that holds gives the class.'
        ),
    )
    class_name_mapping: dict[str, str] | None = Field(
        None,
        description=(
            'Class names in the file to names in the class config. Names that are the same need '
            'no entry.'
        ),
    )

    @field_validator('class_id_to_filter')
    @classmethod
    def _check_filters(
        cls, class_id_to_filter: dict[int, list[Any]] | None
    ) -> dict[int, list[Any]] | None:
        _compile_filters(class_id_to_filter)
        return class_id_to_filter

    def build(self, class_config: ClassConfig | None = None) -> ClassInferenceTransformer:
        """Build the transformer."""
        return ClassInferenceTransformer(
            self.default_class_id,
            class_config=class_config,
            class_id_to_filter=self.class_id_to_filter,
            class_name_mapping=self.class_name_mapping,
        )
