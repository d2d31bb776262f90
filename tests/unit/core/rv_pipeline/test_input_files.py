"""Every local file that decides what is read is found."""

import json
import os
from pathlib import Path

import pytest

from rastervision.core.data import (
    STACItemConfig,
    VectorFileSourceConfig,
    VectorTileSourceConfig,
    XarrayFileSourceConfig,
)
from rastervision.core.rv_pipeline.input_files import files_of, input_files, stamps


def touch(folder: Path, *names: str) -> set[Path]:
    paths = {folder / name for name in names}
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return paths


def test_parts_of_a_shapefile_are_found(tmp_path) -> None:
    mine = touch(tmp_path, 'a.shp', 'a.shx', 'a.DBF', 'a.prj', 'a.cpg')
    touch(tmp_path, 'b.shp', 'a.txt')
    assert {*input_files(VectorFileSourceConfig(uris=str(tmp_path / 'a.shp')))} == mine


@pytest.mark.parametrize('name', ['a.gdb', 'a.zarr'])
def test_files_in_folders_are_found(tmp_path, name) -> None:
    mine = touch(tmp_path, f'{name}/x', f'{name}/0/1')
    assert {*files_of([str(tmp_path / name)])} == mine
    assert {*input_files(XarrayFileSourceConfig(uri=str(tmp_path / name)))} == mine


def test_tiles_behind_a_template_are_found(tmp_path) -> None:
    mine = touch(tmp_path, 'a[1]/3/1/2.mvt', 'a[1]/3/1/3.mvt')
    touch(tmp_path, 'a[1]/3/1/2.txt')
    config = VectorTileSourceConfig(uri=f'{tmp_path}/a[1]/{{z}}/{{x}}/{{-y}}.mvt', zoom=3)
    assert {*input_files(config)} == mine


def test_assets_of_stac_items_are_found(tmp_path) -> None:
    pytest.importorskip('pystac')
    (image,) = touch(tmp_path, 'image.tif')
    item = {
        'type': 'Feature',
        'stac_version': '1.0.0',
        'id': 'i',
        'properties': {'datetime': '2020-01-01T00:00:00Z'},
        'geometry': None,
        'links': [],
        'assets': {'a': {'href': './image.tif', 'type': 'image/tiff'}},
    }
    path = tmp_path / 'item.json'
    path.write_text(json.dumps(item))
    for assets in (None, ['a']):
        assert {*input_files(STACItemConfig(uri=str(path), assets=assets))} == {path, image}


def test_what_is_not_there_or_remote_is_left_out(tmp_path) -> None:
    assert list(files_of(['http://host/a.shp', str(tmp_path / 'a.shp')])) == []


def test_stamps_tell_changes(tmp_path) -> None:
    path, *_ = touch(tmp_path, 'a')
    before = stamps([path, path])
    assert len(before) == 1
    os.utime(path, ns=(0, 0))
    assert stamps([path]) != before
