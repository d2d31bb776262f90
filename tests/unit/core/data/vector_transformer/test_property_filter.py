import pytest

from rastervision.core.data.vector_transformer.property_filter import compile_filter
from rastervision.pipeline.errors import ConfigError

HOUSE = {'type': 'house', 'height': 5, 'roof': True, 'empty': None, '$type': 'Polygon'}


@pytest.mark.parametrize(
    ('expression', 'expected'),
    [
        (None, True),
        ([], True),
        (['==', 'type', 'house'], True),
        (['==', 'type', 'shed'], False),
        (['==', 'missing', 'x'], False),
        (['!=', 'missing', 'x'], True),
        (['!=', 'type', 'house'], False),
        (['==', 'height', 5.0], True),
        (['==', 'height', '5'], False),
        (['==', 'roof', True], True),
        (['==', 'roof', 1], False),
        (['==', 'empty', None], True),
        (['==', 'missing', None], True),
        (['!=', 'missing', None], False),
        (['!=', 'type', None], True),
        (['>', 'height', 4], True),
        (['>', 'height', 5], False),
        (['>=', 'height', 5], True),
        (['<', 'height', 5.5], True),
        (['<=', 'height', 4], False),
        (['<', 'type', 'x'], True),
        (['<', 'height', 'x'], False),
        (['>', 'roof', 0], False),
        (['>', 'missing', 0], False),
        (['in', 'type', 'shed', 'house'], True),
        (['in', 'height', '5'], False),
        (['in', 'missing', 'x'], False),
        (['!in', 'type', 'shed'], True),
        (['!in', 'type', 'house'], False),
        (['!in', 'missing', 'x'], True),
        (['has', 'type'], True),
        (['has', 'missing'], False),
        (['!has', 'missing'], True),
        (['==', '$type', 'Polygon'], True),
        (['all'], True),
        (['any'], False),
        (['none'], True),
        (['all', ['has', 'type'], ['>', 'height', 4]], True),
        (['all', ['has', 'type'], ['>', 'height', 9]], False),
        (['any', ['has', 'missing'], ['>', 'height', 4]], True),
        (['none', ['has', 'missing'], ['>', 'height', 9]], True),
        (['none', ['has', 'type']], False),
        (['all', ['any', ['==', 'type', 'a'], ['none', ['==', 'type', 'a']]]], True),
    ],
)
def test_filters(expression, expected) -> None:
    assert compile_filter(expression)(HOUSE) is expected


@pytest.mark.parametrize(
    'expression',
    [
        'type',
        ['is', 'type', 'house'],
        [['has', 'a']],
        ['==', 'type'],
        ['==', 'type', 'a', 'b'],
        ['==', 3, 'a'],
        ['has'],
        ['has', 'a', 'b'],
        ['in'],
        ['all', 'type'],
        {'==': 1},
    ],
)
def test_malformed_filters_are_refused(expression) -> None:
    with pytest.raises(ConfigError, match='The filter'):
        compile_filter(expression)
