"""PREDICT on a part of an image that stays in an object store."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rastervision.core.data.raster_source import streaming
from rastervision.pipeline.file_system import upload_or_copy

pytestmark = pytest.mark.integration
SIZE, TILE = 1024, 128
BBOX = (256, 384, 384, 640)  # ymin, xmin, ymax, xmax: two tiles


def outputs(root: Path) -> dict[str, bytes]:
    """The files of predictions; not their record, which names the image."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file() and path.name != 'prediction.json'
    }


def test_predict_reads_only_what_it_needs(project, cli, s3, watched, tmp_path, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr(streaming, 'LARGE', 1_000_000)
    config = project / 'config.py'
    cli('run', 'inprocess', config, 'analyze', 'train', '-a', 'root_uri', project / 'root')

    image = project / 'large.tif'
    with rasterio.open(project / 'b.tif') as small:
        profile = {'driver': 'GTiff', 'crs': small.crs, 'transform': small.transform}
    pixels = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE), dtype=np.uint8)
    layout = {'tiled': True, 'blockxsize': TILE, 'blockysize': TILE, 'interleave': 'pixel'}
    with rasterio.open(
        image, 'w', width=SIZE, height=SIZE, count=3, dtype='uint8', **profile, **layout
    ) as out:
        out.write(pixels)
    upload_or_copy(str(image), f'{s3}/large.tif')

    text = config.read_text().replace(
        "uris=str(HERE / f'{name}.tif')",
        f"uris=IMAGE if name == 'b' else 'a.tif', bbox={BBOX} if name == 'b' else None",
    )
    text = text.replace('train_scenes=[scene', 'train_scenes=[] and [scene')
    found = {}
    for name, uri in {'here': str(image), 'there': f'{s3}/large.tif'}.items():
        root = project / name
        shutil.copytree(project / 'root', root)
        own_config = project / f'{name}.py'
        own_config.write_text(text.replace('\ndef scene', f'\nIMAGE = {uri!r}\n\ndef scene'))
        before = len(watched.requests)
        cli('run', 'inprocess', own_config, 'predict', '-a', 'root_uri', root)
        found[name] = outputs(root / 'predict')
    assert found['here']
    assert found['there'] == found['here']

    requests = watched.requests[before:]
    received = sum(request.size for request in requests)
    assert 2 * TILE * TILE * 3 <= received < SIZE * SIZE * 3 / 4
    assert {request.span for request in requests if request.method == 'GET'} & {'-'} == set()
    assert not list((tmp_path / 'cache').rglob('*.tif'))
