"""Writing class maps, scores and masks of a part of a scene as they come, in bands of rows."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog import Pyramid, TileFile, begin_cog, half
from rastervision.core.data.label_store.label_store import LabelWriter
from rastervision.core.data.label_store.mask_rows import MaskRows
from rastervision.core.data.label_store.ss_outputs import LABELS, SCORES, SceneOutputs, ScoreDtype
from rastervision.core.data.label_store.vector_output import VectorOutputConfig
from rastervision.core.prediction.tiles import ScoreTile, best_class
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.utils import cpu_count

MAX_THREADS = 8


class SemanticSegmentationWriter(LabelWriter):
    """Turns bands of scores of a part, from top to bottom, into tiles of all its rasters."""

    def __init__(
        self,
        outputs: SceneOutputs,
        box: Box,
        file: BinaryIO,
        threads: ThreadPoolExecutor,
        own_files: Mapping[str, BinaryIO],
    ) -> None:
        """Constructor.

        Args:
            outputs: what is written for the scene.
            box: the part, in the extent frame.
            file: where to append tiles.
            threads: where tiles are compressed.
            own_files: files of rasters that are to be written at once as they will be, by name;
                only for the whole extent and tiles that are not compressed.
        """
        self._outputs = outputs
        self._box = box
        self._row = box.ymin
        self._own_files = own_files
        self._rasters: dict[str, Pyramid] = {}
        for name in outputs.rasters:
            layer, own_file = outputs.layer(name), own_files.get(name)
            shapes = layer.level_shapes(box.size)
            if box != outputs.extent:
                # parts end where tiles of two resolutions do
                shapes = [box.size, half(box.size)]
            starts = None
            if own_file is not None:
                starts = begin_cog(own_file, layer, box.size, outputs.tags(name))
            self._rasters[name] = Pyramid(layer, shapes, own_file or file, threads, starts)
        self._masks = [MaskRows(box.width, outputs.block_size, file) for _ in outputs.vectors]

    def write(self, tile: ScoreTile) -> None:
        """Write the next band.

        Args:
            tile: scores of rows that follow on those before, as wide as the part. Where it is not
                valid, the pixels go to the null class.
        """
        self._check_next(tile.box)
        scores = tile.scores
        if not tile.valid.all():
            null_id = self._null_id()
            scores = np.where(tile.valid, scores, np.float32(0))
            scores[null_id, ~tile.valid] = 1
        labels, _ = best_class(scores)
        if SCORES in self._rasters:
            self._rasters[SCORES].add(_as_dtype(scores, self._outputs.score_dtype))
        outputs = (output for _, output in self._outputs.vectors)
        self._write(labels, [self._mask(output, labels, scores) for output in outputs])

    def write_labels(
        self, box: Box, labels: NDArray[Any], masks: Sequence[NDArray[np.bool_]]
    ) -> None:
        """Write the next band of labels that are already there, without scores.

        Args:
            box: rows that follow on those before, as wide as the part.
            labels: (h, w) class ids, -1 for pixels without label.
            masks: (h, w) mask of every vector output.
        """
        self._check_next(box)
        if labels.dtype != np.uint8:
            missing = labels < 0
            if missing.any():
                labels[missing] = self._null_id()
            labels = labels.astype(np.uint8)
        self._write(labels, masks)

    def finish(self, tiles: TileFile) -> None:
        """Encode what is left, and tell where everything is.

        Raises:
            StageError: rows are missing.
        """
        if self._row != self._box.ymax:
            raise StageError(
                f'Only {self._row - self._box.ymin} of {self._box.height} rows of predictions '
                f'came for {self._outputs.root_uri}; nothing is written.'
            )
        for name, raster in self._rasters.items():
            places = raster.finish()
            if name in self._own_files:
                tiles.finished[name] = self._own_files[name].name
            else:
                tiles.rasters[name] = places
        for i, mask in enumerate(self._masks):
            tiles.rasters[mask_name(i)] = mask.finish()
        # what follows needs the memory
        self._rasters.clear()
        self._masks.clear()

    def _mask(
        self, output: VectorOutputConfig, labels: NDArray[np.uint8], scores: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        if output.threshold is None and SCORES not in self._rasters:
            return np.asarray(labels == output.class_id)
        least = 1 / len(scores) if output.threshold is None else output.threshold
        return np.asarray(scores[output.class_id] >= least)

    def _write(self, labels: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_]]) -> None:
        if LABELS in self._rasters:
            colors = np.array(self._outputs.class_config.rgb_colors, dtype=np.uint8).T
            self._rasters[LABELS].add(colors[:, labels] if self._outputs.rgb else labels[None])
        for rows, mask in zip(masks, self._masks, strict=True):
            mask.add(rows)
        self._row += len(labels)

    def _check_next(self, box: Box) -> None:
        part = self._box
        if (box.ymin, box.xmin, box.xmax) != (self._row, part.xmin, part.xmax) or (
            box.ymax > part.ymax
        ):
            raise ValueError(
                f'Expected rows of columns {part.xmin} to {part.xmax} from row {self._row} on, '
                f'down to row {part.ymax} at most; got {box}.'
            )

    def _null_id(self) -> int:
        if self._outputs.class_config.null_class is None:
            raise ConfigError(
                'There are pixels without data or label but no class for them: name the null_class '
                'of the class config, or call its ensure_null_class().'
            )
        return self._outputs.class_config.null_class_id


@contextmanager
def write_part(
    outputs: SceneOutputs, box: Box, tiles: TileFile, stamp: dict[str, Any] | None = None
) -> Iterator[SemanticSegmentationWriter]:
    """Write a part of a scene to a tile file, in a block.

    Args:
        outputs: what is written for the scene.
        box: the part, in the extent frame.
        tiles: file to write.
        stamp: what `TileFile.load` will ask for. When None, the file holds the whole extent and is
            not loaded again; rasters that need no compression are then written beside it, once.
    """
    with ExitStack() as stack:
        file = stack.enter_context(Path(tiles.path).open('wb'))
        threads = stack.enter_context(ThreadPoolExecutor(min(MAX_THREADS, cpu_count())))
        own_files = {
            name: stack.enter_context(Path(f'{tiles.path}-{name}').open('wb'))
            for name in outputs.rasters
            if stamp is None and outputs.profile is None and not outputs.layer(name).deflated
        }
        writer = SemanticSegmentationWriter(outputs, box, file, threads, own_files)
        yield writer
        writer.finish(tiles)
        if stamp is not None:
            tiles.finish(file, stamp)


def mask_name(index: int) -> str:
    """Name of the mask of a vector output in tile files."""
    return f'mask-{index}'


def _as_dtype(scores: NDArray[np.float32], dtype: ScoreDtype) -> NDArray[Any]:
    """(C, h, w) scores of [0, 1] as they are kept; for uint8, the nearest of 0..255."""
    if dtype != 'uint8':
        return scores.astype(dtype, copy=False)
    out = np.empty(scores.shape, dtype=np.uint8)
    for score, target in zip(scores, out, strict=True):  # one class at a time, for the memory
        scaled = score * np.float32(255)
        np.rint(scaled, out=scaled)
        np.copyto(target, scaled, casting='unsafe')
    return out
