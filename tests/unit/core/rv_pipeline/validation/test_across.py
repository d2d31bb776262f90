"""What is said about images that scenes share."""

from shapely.geometry import box

from rastervision.core.data import ClassConfig, RasterioSourceConfig, SceneConfig
from rastervision.core.rv_pipeline.validation.across import problems_between
from rastervision.core.rv_pipeline.validation.findings import SceneFindings


def test_a_signed_image_is_shared_whatever_its_signature_which_is_not_shown():
    uris = [f'http://me:SECRET@host/a.tif?sig=SECRET{i}' for i in range(2)]
    configs = [
        SceneConfig(id=uri[-1], raster_source=RasterioSourceConfig(uris=uri)) for uri in uris
    ]
    found = [
        SceneFindings(id='0', uses=('train',), area=box(0, 0, 1, 1)),
        SceneFindings(id='1', uses=('validation',), area=box(0, 0, 1, 1)),
    ]
    (problem,) = problems_between(configs, found, ClassConfig(names=['a']))
    assert '(http://host/a.tif)' in problem.message
