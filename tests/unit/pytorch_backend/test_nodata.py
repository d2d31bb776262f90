"""What lies under nodata decides nothing: statistics, model, metrics and outputs are the same."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.enums import ColorInterp

from rastervision.core.analyzer import StatsAnalyzerConfig
from rastervision.core.data import SemanticSegmentationLabelStoreConfig
from rastervision.core.grid import apply_affine
from rastervision.core.raster_stats import RasterStats

HIDDEN = np.s_[5:31, 10:56]
ZERO = np.s_[40:50, 60:80]  # pixels of 0 that are data
NET = """
def net():
    import torch
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 3, 3, padding=1)
"""


def hide(folder: Path, kind: str, seed: int) -> None:
    """Give the images a hole, with other pixels and labels in it for every seed."""
    rng = np.random.default_rng(seed)
    for path in sorted(folder.glob('*.tif')):
        with rasterio.open(path) as image:
            pixels, profile = image.read(), image.profile
        pixels[:, *ZERO] = 0
        pixels[:, *HIDDEN] = rng.integers(0, 256, pixels[:, *HIDDEN].shape)
        valid = np.full(pixels.shape[1:], 255, np.uint8)
        valid[HIDDEN] = 0
        path.unlink()
        if kind == 'alpha':
            with rasterio.open(path, 'w', **{**profile, 'count': 4}) as image:
                image.write(np.concatenate([pixels, valid[None]]))
                image.colorinterp = [*(ColorInterp[c] for c in ('red', 'green', 'blue', 'alpha'))]
        else:
            with (
                rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
                rasterio.open(path, 'w', **profile) as i,
            ):
                i.write(pixels)
                i.write_mask(valid)
        labels = json.loads(path.with_suffix('.geojson').read_text())
        rows = np.sort(rng.integers(6, 30, 2))
        corners = [(20, rows[0]), (50, rows[0]), (50, rows[1] + 1), (20, rows[1] + 1)]
        x, y = apply_affine(profile['transform'], [*corners, corners[0]])
        ring = np.stack([x, y], axis=-1).tolist()
        geometry = {'type': 'Polygon', 'coordinates': [ring]}
        labels['features'].append({'type': 'Feature', 'properties': {}, 'geometry': geometry})
        path.with_suffix('.geojson').write_text(json.dumps(labels))


@pytest.mark.parametrize('kind', ['mask', 'alpha'])
def test_what_is_under_nodata_decides_nothing(config, tmp_path, kind) -> None:
    (tmp_path / 'net code' / 'hubconf.py').write_text(NET)
    originals = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    results = []
    for seed in (1, 2):
        for path, content in originals.items():
            path.write_bytes(content)
        hide(tmp_path, kind, seed)
        results.append(run(config, tmp_path / f'run {seed}'))
    first, second = results
    assert first['statistics'] == second['statistics']
    assert first['log'] == second['log']
    for name, weights in first['weights'].items():
        assert torch.equal(weights, second['weights'][name])
    assert first['outputs'] == second['outputs']
    assert first['scores'] == second['scores']


def run(config, root):
    """Run the commands; returns all that must not depend on hidden pixels."""
    config = config.copy()
    config.root_uri = str(root)
    config.backend.solver.seed = 1
    config.analyzers = [StatsAnalyzerConfig(nodata_value=None)]  # so that 0 is a value
    for scene in config.dataset.all_scenes:
        scene.label_store = SemanticSegmentationLabelStoreConfig(smooth_output=True)
    config.update()
    (root / 'tmp').mkdir(parents=True)
    pipeline = config.build(str(root / 'tmp'))
    for command in ('analyze', 'chip', 'train', 'predict', 'eval'):
        getattr(pipeline, command)()
    for scene in ('val', 'test'):
        with rasterio.open(root / 'predict' / scene / 'labels.tif') as labels:
            ids = labels.read(1)
        assert (ids[HIDDEN] == 2).all()
    statistics = root / 'analyze/stats/train_scenes/stats.json'
    check_statistics(config, RasterStats.load(str(statistics)))
    scores = json.loads((root / 'eval/validation_scenes/eval.json').read_text())
    log = (root / 'train/log.csv').read_text().splitlines()
    times = {i for i, name in enumerate(log[0].split(',')) if 'time' in name}
    return {
        'statistics': statistics.read_text(),
        'log': [[v for i, v in enumerate(line.split(',')) if i not in times] for line in log],
        'weights': torch.load(root / 'train/last-model.pth', weights_only=True),
        'outputs': [p.read_bytes() for p in sorted((root / 'predict').rglob('*.tif'))],
        'scores': scores,
    }


def check_statistics(config, stats) -> None:
    """They are those of all pixels but the hidden ones, zeros included."""
    pixels = []
    for scene in config.dataset.train_scenes:
        with rasterio.open(scene.raster_source.uris) as image:
            keep = np.ones(image.shape, dtype=bool)
            keep[HIDDEN] = False
            pixels.append(image.read([1, 2, 3])[:, keep])
    assert (np.concatenate(pixels, axis=1) == 0).any()
    np.testing.assert_allclose(stats.means, np.concatenate(pixels, axis=1).mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(stats.stds, np.concatenate(pixels, axis=1).std(axis=1), rtol=1e-6)
