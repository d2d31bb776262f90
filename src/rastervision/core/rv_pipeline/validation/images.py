"""What an image is like: size, channels, place, and what its pixels look like."""

from rastervision.core.data import RasterioCRSTransformer, Scene
from rastervision.core.grid import to_crs
from rastervision.core.rv_pipeline.validation.findings import (
    ImageFacts,
    PixelFacts,
    SceneFindings,
)
from rastervision.core.rv_pipeline.validation.sample import Sample
from rastervision.core.sampling.aoi_sampler import union_of

MUCH_BLACK = 0.05
MUCH_NODATA = 0.9
SHOWN = 8


def image_facts(scene: Scene) -> ImageFacts:
    """Return what is known of an image without reading it."""
    source = scene.raster_source
    place = source.crs_transformer
    crs = pixel_size = unit = None
    if isinstance(place, RasterioCRSTransformer) and (found := to_crs(place.image_crs)):
        crs = ':'.join(found.to_authority() or (found.name,))
        t = place.transform
        pixel_size = ((t.b**2 + t.e**2) ** 0.5, (t.a**2 + t.d**2) ** 0.5)
        unit = found.axis_info[0].unit_name if found.axis_info else None
    return ImageFacts(
        height=scene.extent.height,
        width=scene.extent.width,
        channels=source.num_channels,
        dtype=str(source.dtype),
        crs=crs,
        pixel_size=pixel_size,
        unit=unit,
    )


def describe_image(found: SceneFindings, scene: Scene) -> None:
    """Note what an image is like, and what part of it counts."""
    found.image = image_facts(scene)
    whole = scene.bbox.to_shapely()
    found.area = whole
    if scene.aoi_polygons:
        found.area = union_of(scene.aoi_polygons).intersection(whole)
        found.aoi = float(found.area.area / whole.area)
    if found.image.crs is None:
        found.warn(
            'the image has no georeference (CRS), so its predictions will have none; labels must '
            'be in pixels of the image.'
        )


def describe_pixels(found: SceneFindings, scene: Scene, sample: Sample) -> None:
    """Note what was seen of an image."""
    if sample.image_error is not None:
        found.error(sample.image_error)
    if not sample.pixels:
        return
    nodata, black = sample.nodata / sample.pixels, sample.black / sample.pixels
    found.pixels = PixelFacts(sample.share, nodata)
    where = 'of its pixels' if sample.share == 1 else 'of the pixels that were looked at'
    if nodata > MUCH_NODATA:
        found.warn(f'the image has no data in {nodata:.0%} {where}.')
    if black > MUCH_BLACK and not scene.raster_source.may_have_gaps:
        found.warn(
            f'{black:.0%} {where} are 0 in all channels, and the file declares no nodata value. If '
            'they have no data, set nodata=0 of the raster source.'
        )
    flat = sample.flat_channels()
    if flat and sample.pixels > sample.nodata:
        names = ', '.join(map(str, flat[:SHOWN]))
        found.warn(f'all {where.removeprefix("of ")} have the same value in channel(s) {names}.')
