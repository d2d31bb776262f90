import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.utils.cog import create_cog
from rastervision.pipeline.errors import NotReadableError


@pytest.mark.parametrize(('overviews', 'factors'), [(None, [2, 4, 8]), ([2], [2])])
def test_pixels_stay_and_tiles_and_overviews_come(tmp_path, overviews, factors):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 600, 700)).astype(np.uint8)
    source, target = str(tmp_path / 'a.tif'), str(tmp_path / 'out/cog.tif')
    profile = {'driver': 'GTiff', 'count': 3, 'height': 600, 'width': 700, 'dtype': 'uint8'}
    transform = Affine(2, 0, 500_000, 0, -2, 5_000_000)
    with rasterio.open(source, 'w', crs='EPSG:32633', transform=transform, **profile) as ds:
        ds.write(pixels)
    create_cog(source, target, str(tmp_path), block_size=128, overviews=overviews)
    with rasterio.open(target) as ds:
        assert ds.tags(ns='IMAGE_STRUCTURE')['LAYOUT'] == 'COG'
        assert ds.block_shapes == [(128, 128)] * 3
        assert ds.overviews(1) == factors
        assert ds.transform == transform
        np.testing.assert_array_equal(ds.read(), pixels)


def test_a_raster_that_is_not_there(tmp_path):
    with pytest.raises(NotReadableError):
        create_cog(str(tmp_path / 'a.tif'), str(tmp_path / 'b.tif'), str(tmp_path))
