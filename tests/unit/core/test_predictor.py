import pytest

from rastervision.core.data import RasterioSourceConfig
from rastervision.core.predictor import _for_each
from rastervision.pipeline.errors import DataError


def sources(*uris):
    return [RasterioSourceConfig(uris=uri) for uri in uris]


def test_one_source_reads_all_files_of_an_image():
    assert _for_each(sources('old'), ['a']) == [['a']]
    assert _for_each(sources('old'), ['a', 'b']) == [['a', 'b']]


def test_several_sources_read_one_file_each():
    assert _for_each(sources('old', 'other'), ['a', 'b']) == [['a'], ['b']]
    assert _for_each(sources('old', 'old'), ['a', 'b']) == [['a'], ['b']]


def test_several_sources_of_one_image_read_the_same_file():
    assert _for_each(sources('old', 'old'), ['a']) == [['a'], ['a']]


def test_other_numbers_of_files_are_refused_with_the_way_out():
    with pytest.raises(
        DataError, match=r'reads 2 images of a scene, got 1: a\. .*\.csv.*predict\(\['
    ):
        _for_each(sources('old', 'other'), ['a'])
    with pytest.raises(DataError, match='reads 0 images'):
        _for_each([], ['a'])
