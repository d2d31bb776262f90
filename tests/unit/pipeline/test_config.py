import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import field_validator, model_validator
from unit.pipeline.shapes import Circle, Colour, Group, Other, Shape, ShapesPipelineConfig

from rastervision.pipeline import plugins, registry_
from rastervision.pipeline.config import (
    Config,
    build_config,
    get_plugin,
    register_config,
    upgrade_config,
    walk,
)
from rastervision.pipeline.errors import ConfigError, RegistryError
from rastervision.pipeline.pipeline import PipelineConfig


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Type hints that are not registered stay unknown; nothing is imported for them."""
    monkeypatch.setattr(registry_.loader, 'sources', lambda: iter(()))


simple = st.builds(
    Shape,
    size=st.floats(allow_nan=False),
    colour=st.sampled_from(Colour),
    uris=st.text() | st.lists(st.text(), max_size=2),
) | st.builds(Circle, radius=st.integers())


def groups(shapes: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    few = st.lists(shapes, max_size=2)
    return st.builds(
        Group,
        shapes=few,
        by_name=st.dictionaries(st.text(), shapes, max_size=2),
        by_id=st.dictionaries(st.integers(), shapes | st.none(), max_size=2),
        extra=few | shapes | st.none(),
        main=shapes,
        pair=st.tuples(shapes, st.integers()),
    )


any_shape = st.recursive(simple, groups, max_leaves=6)


@given(any_shape)
def test_round_trip_keeps_values_and_classes(shape: Shape) -> None:
    text = json.dumps(shape.to_dict())
    again = Config.from_dict(json.loads(text))
    assert again == shape
    classes = [(path, type(cfg)) for path, cfg in walk(again)]
    assert classes == [(path, type(cfg)) for path, cfg in walk(shape)]


@given(any_shape)
def test_copies_are_equal_and_independent(shape: Shape) -> None:
    for copy in (shape.copy(), pickle.loads(pickle.dumps(shape)), shape.deserialize(shape.dict())):
        assert copy == shape
        originals = {id(cfg) for _, cfg in walk(shape)}
        assert not any(id(cfg) in originals for _, cfg in walk(copy))


@given(any_shape)
def test_upgrade_without_versions_changes_nothing(shape: Shape) -> None:
    assert upgrade_config(shape.to_dict()) == shape.to_dict()


def test_serialised_form() -> None:
    group = Group(shapes=[Circle()], colour=Colour.blue, main=Shape())
    serialised = group.to_dict()
    assert serialised['type_hint'] == 'test_group'
    assert serialised['colour'] == 'b'
    assert serialised['shapes'] == [
        {'type_hint': 'test_circle', 'size': 1.0, 'colour': 'r', 'uris': [], 'radius': 2}
    ]
    assert serialised['main'] == {'type_hint': 'test_shape', 'size': 1.0, 'colour': 'r', 'uris': []}
    assert json.loads(group.json()) == group.dict() == serialised
    assert group.type_hint == Group.type_hint == 'test_group'


def test_default_configs_are_copied_per_instance() -> None:
    first, second = Group(), Group()
    assert first.main is not second.main
    first.main.size = 9
    assert second.main.size == 1
    assert Group().main.size == 1


def test_dictionary_without_type_hint_is_of_the_annotated_class() -> None:
    group = Group(shapes=[{'size': 3}])
    assert type(group.shapes[0]) is Shape
    assert type(Circle.from_dict({'radius': 1})) is Circle


def test_given_type_hint_must_be_that_of_the_class() -> None:
    assert Circle(type_hint='test_circle') == Circle()
    with pytest.raises(ConfigError, match=r"'test_circle', got 'test_shape'.*from_dict"):
        Circle(type_hint='test_shape')


@pytest.mark.parametrize(
    ('make', 'parts'),
    [
        (lambda: Shape(sise=1), ['Shape: sise: unknown field of Shape. Did you mean size?']),
        (lambda: Shape(zzz=1), ['zzz: unknown field', 'Its fields: size, colour, uris']),
        (lambda: Other(zzz=1, yyy=2), ['Other has 2 problems', 'zzz', 'yyy']),
        (lambda: Shape(size='big'), ['size: ', 'valid number', "got 'big'"]),
        (lambda: Shape(colour='green'), ['colour: ', "'r' or 'b'", "got 'green'"]),
        (lambda: Shape(uris=3), ['uris', 'valid string', 'valid list', 'got 3']),
        (lambda: Group(shapes=[Shape(), {'radius': 1}]), ['shapes[1].radius', "'test_circle'"]),
        (
            lambda: Group(by_name={'a': {'type_hint': 'test_circle', 'radius': 'x'}}),
            ['Group: by_name.a.radius: ', "got 'x'"],
        ),
        (lambda: Group(by_id={'a': None}), ['by_id.a: ', 'valid integer']),
        (
            lambda: Group(shapes=[{'type_hint': 'test_group', 'extra': [{'size': ''}]}]),
            ['Group: shapes[0].extra[0].size: ', "got ''"],
        ),
        (
            lambda: Group(main=Other()),
            ["main: Other (type hint 'test_other') is not a Shape", 'test_circle, test_group'],
        ),
        (
            lambda: Group(main={'type_hint': 'test_other'}),
            ["main.type_hint: Other (type hint 'test_other') is not a Shape"],
        ),
        (lambda: Group(main={'type_hint': 7}), ['main.type_hint: 7 is not a name']),
        (lambda: Group(main='circle'), ['main: ', 'instance of Shape', "got 'circle'"]),
        (ShapesPipelineConfig, ['required: this field is required']),
        (lambda: Circle.from_dict({'type_hint': 'test_other'}), ['Other', 'is not a Circle']),
        (lambda: Circle.deserialize(Other()), ['Other', 'is not a Circle']),
        (lambda: Config.from_dict({'size': 1}), ['needs a type_hint']),
        (lambda: Circle.model_validate(3), ['Circle: ', 'got 3']),
        (lambda: Shape(uris='x' * 10, size='y' * 1000), ["got 'yyy", '...']),
        (
            lambda: Group(either={'type_hint': 'test_circle', 'radius': 'x'}),
            ['Group: either.radius: input should be a valid integer', "got 'x'"],
        ),
        (lambda: Group(either=3), ['instance of Other', 'instance of Shape', 'got 3']),
        (lambda: build_config({'type_hint': ['a']}), ['type_hint: expected the name', "['a']"]),
        (lambda: Config.from_dict({'type_hint': None}), ['type_hint: expected the name', 'None']),
        (lambda: build_config({'size': 3}), ['type_hint']),
        (lambda: build_config('test_shape'), ['type_hint', "'test_shape'"]),
    ],
)
def test_bad_values_are_refused_with_path_value_and_way_out(make: Any, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert type(caught.value) is ConfigError
    for part in parts:
        assert part in str(caught.value)


def test_errors_on_assignment() -> None:
    group = Group()
    group.main = Circle(radius=1)
    with pytest.raises(ConfigError, match=r'Group: main: Other .* is not a Shape'):
        group.main = Other()
    with pytest.raises(ConfigError, match=r'sise: unknown field of Group. Did you mean size'):
        group.sise = 3
    assert group.main == Circle(radius=1)


def test_unknown_type_hints_name_the_near_ones_and_missing_plugins(no_plugins) -> None:
    with pytest.raises(ConfigError, match=r'test_circel.*Did you mean test_circle'):
        build_config({'type_hint': 'test_circel'})
    cfg = {
        'type_hint': 'test_group',
        'main': {'type_hint': 'hologram'},
        'plugin_versions': {'rastervision.holograms': 0, 'rastervision.pipeline': 0},
    }
    with pytest.raises(ConfigError, match=r"main.type_hint: Unknown type hint 'hologram'") as e:
        Config.from_dict(cfg)
    assert 'missing' not in str(e.value).partition('not installed here: ')[0]
    assert str(e.value).endswith('not installed here: rastervision.holograms.')
    with pytest.raises(ConfigError, match=r"Unknown type hint 'hologram'.*rastervision\.holograms"):
        Config.from_dict({**cfg, 'type_hint': 'hologram'})


def test_plugins_that_no_type_hint_needs_may_be_missing(no_plugins) -> None:
    versions = {'rastervision.aws_batch': 0, 'rastervision.pipeline_example_plugin1': 3}
    cfg = ShapesPipelineConfig(required=Circle()).to_dict() | {'plugin_versions': versions}
    loaded = ShapesPipelineConfig.from_dict(cfg)
    assert loaded.plugin_versions == versions
    assert loaded.to_dict() == ShapesPipelineConfig(required=Circle()).to_dict()


def test_build_config_builds_lists_and_keeps_configs() -> None:
    circle = Circle()
    assert build_config(circle) is circle
    assert build_config([circle, {'type_hint': 'test_other'}]) == [circle, Other()]


def test_validators_of_subclasses_speak_in_their_own_words() -> None:
    class Even(Shape):
        count: int = 0

        @model_validator(mode='before')
        @classmethod
        def rename(cls, values: dict[str, Any]) -> dict[str, Any]:
            return {'count' if k == 'number' else k: v for k, v in values.items()}

        @field_validator('count')
        @classmethod
        def even(cls, v: int) -> int:
            if v % 2:
                raise ValueError(f'{v} is odd; use an even number')
            return v

    assert Even(number=4).count == 4
    with pytest.raises(ConfigError, match=r'^Even: count: 3 is odd; use an even number.$'):
        Even(count=3)


def test_validate_list() -> None:
    shape = Shape(uris=['a', 'bb'])
    shape.validate_list('uris', ['a', 'bb', 'ccc'])
    with pytest.raises(ConfigError, match=r"uris: 'bb' is not a valid option.*Options: a, ccc\."):
        shape.validate_list('uris', ['a', 'ccc'])


def test_validation_after_update_names_the_path() -> None:
    class Strict(Shape):
        def validate_config(self) -> None:
            if self.size < 0:
                raise ConfigError(f'size must be positive, got {self.size}.')

    group = Group(by_name={'a': Group(shapes=[Strict(), Strict(size=-1)])})
    with pytest.raises(ConfigError, match=r'^by_name\.a\.shapes\[1\]: size must be positive'):
        group.recursive_validate_config()
    with pytest.raises(ConfigError, match=r'^size must be positive'):
        Strict(size=-1).revalidate()


def test_revalidate_sees_what_assignment_does_not() -> None:
    group = Group(shapes=[Group()])
    group.revalidate()
    group.shapes[0].shapes.append('circle')
    with pytest.raises(ConfigError, match=r"^shapes\[0\]: Group: shapes\[0\]: .*got 'circle'"):
        group.revalidate()


def test_base_hooks() -> None:
    Other().update(pipeline=None)
    Other().validate_config()
    with pytest.raises(NotImplementedError, match=r'Other'):
        Other().build()


def test_unregistered_classes_are_not_serialised() -> None:
    class Square(Shape):
        pass

    with pytest.raises(ConfigError, match=r'shapes\[0\] is a Square.*@register_config'):
        Group(shapes=[Square()]).to_dict()


def test_what_json_does_not_know_is_refused() -> None:
    @register_config('test_anything')
    class Anything(Config):
        thing: Any = None

    with pytest.raises(ConfigError, match=r'Anything cannot be written as JSON'):
        Anything(thing=object()).to_dict()


def test_registering() -> None:
    assert get_plugin(PipelineConfig) == 'rastervision.pipeline'
    assert registry_.get_plugin('pipeline') == 'rastervision.pipeline'
    with pytest.raises(RegistryError, match=r"'test_shape' of .*Impostor is taken by .*Shape"):

        @register_config('test_shape')
        class Impostor(Config):
            pass

    with pytest.raises(RegistryError, match=r'subclasses of Config'):
        register_config('test_int')(int)


def test_builtin_plugin_list_names_this_package() -> None:
    assert 'rastervision.pipeline' in plugins.BUILTIN_PLUGINS
