"""Names of the files of polygons."""

import pytest

from rastervision.core.data import ClassConfig, PolygonVectorOutputConfig


@pytest.mark.parametrize(
    ('class_name', 'file_name'),
    [
        ('house', 'class-1-house.json'),
        ('größeres Haus', 'class-1-größeres Haus.json'),
        ('road/path', 'class-1-road_path.json'),
        ('../../evil', 'class-1-.._.._evil.json'),
        ('a\\b:c\n', 'class-1-a_b_c_.json'),
    ],
)
def test_class_names_become_file_names(class_name, file_name):
    classes = ClassConfig(names=['other', class_name])
    assert PolygonVectorOutputConfig(class_id=1).file_name(classes) == file_name
