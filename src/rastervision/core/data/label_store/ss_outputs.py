"""What is written for a scene of semantic segmentation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label_store.cog import Layer, Tag, read_tags
from rastervision.core.data.label_store.vector_output import VectorOutputConfig
from rastervision.core.utils.quiet import quiet

ScoreDtype: TypeAlias = Literal['uint8', 'float16', 'float32']

LABELS, SCORES = 'labels', 'scores'


@dataclass(frozen=True, slots=True)
class SceneOutputs:
    """The files of a scene.

    Attributes:
        root_uri: the folder of the files.
        rasters: URIs of the rasters to write, by LABELS and SCORES.
        vectors: URIs of the vector outputs.
        rgb: whether the class raster holds colours instead of ids.
        score_dtype: dtype of the scores; 0..255 for uint8.
        block_size: side of the tiles of rasters, in pixels.
        profile: rasterio creation options that replace ours.
        bbox: where the extent lies in the image, in the source pixel frame.
        class_config: names and colours of the classes.
        crs_transformer: of the image.
    """

    root_uri: str
    rasters: dict[str, str]
    vectors: Sequence[tuple[str, VectorOutputConfig]]
    rgb: bool
    score_dtype: ScoreDtype
    block_size: int
    profile: dict[str, Any] | None
    bbox: Box
    class_config: ClassConfig
    crs_transformer: CRSTransformer

    @property
    def extent(self) -> Box:
        """Box(0, 0, height, width) of the scene."""
        return self.bbox.extent

    @property
    def files(self) -> dict[str, str]:
        """URIs of all files by their path below the folder, the class raster first."""
        uris = [*self.rasters.values(), *(uri for uri, _ in self.vectors)]
        return {uri.removeprefix(f'{self.root_uri}/'): uri for uri in uris}

    def layer(self, name: str) -> Layer:
        """Kind of a raster."""
        if name == LABELS:
            return Layer(3 if self.rgb else 1, 'uint8', self.block_size)
        return Layer(len(self.class_config), self.score_dtype, self.block_size, mean=True)

    def tags(self, name: str) -> dict[int, Tag]:
        """TIFF tags of a raster, as GDAL writes them."""
        from rasterio.errors import NotGeoreferencedWarning
        from rasterio.io import MemoryFile

        layer, classes = self.layer(name), self.class_config
        half = layer.dtype == 'float16'  # GDAL 3.10 knows it as float32 of 16 bits
        options = {
            'dtype': 'float32' if half else layer.dtype,
            'nbits': 16 if half else None,
            'compress': 'deflate' if layer.deflated else None,
            'predictor': 2 if layer.differenced else None,
            # four bands of uint8 would be taken for a picture with alpha
            'photometric': 'RGB' if name == LABELS and self.rgb else 'minisblack',
        }
        # an image without a georeference is nothing unusual
        with quiet(NotGeoreferencedWarning), MemoryFile() as file:
            with file.open(
                driver='GTiff',
                width=16,
                height=16,
                count=layer.count,
                tiled=True,
                blockxsize=16,
                blockysize=16,
                interleave='band',
                endianness='little',
                crs=self.crs_transformer.image_crs,
                transform=extent_transform(self.crs_transformer, self.bbox),
                **{key: value for key, value in options.items() if value is not None},
            ) as raster:
                if name == LABELS:
                    raster.update_tags(CLASS_NAMES=json.dumps(classes.names, ensure_ascii=False))
                    if not self.rgb:
                        colors = enumerate(classes.rgb_colors)
                        raster.write_colormap(1, {i: (*rgb, 255) for i, rgb in colors})
                else:
                    raster.descriptions = classes.names
            return read_tags(bytes(file.getbuffer()))


def extent_transform(crs_transformer: CRSTransformer, bbox: Box) -> Affine | None:
    """Affine transform of a raster that covers `bbox` (source pixel frame) of an image.

    None when it would say nothing.
    """
    x, y = bbox.xmin, bbox.ymin
    a, b, c, d, e, f = (crs_transformer.transform or Affine.identity())[:6]
    transform = Affine(a, b, a * x + b * y + c, d, e, d * x + e * y + f)
    return None if transform == Affine.identity() else transform
