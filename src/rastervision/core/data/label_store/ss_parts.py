"""PredictionParts: a scene that is predicted in parts, in any order, by any number of processes."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog import TileFile
from rastervision.core.data.label_store.label_store import LabelWriter
from rastervision.core.data.label_store.part_folder import PartFolder, check_complete
from rastervision.core.data.label_store.ss_join import join_parts
from rastervision.core.data.label_store.ss_outputs import SceneOutputs
from rastervision.core.data.label_store.ss_writer import SemanticSegmentationWriter, write_part
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import atomic_path, get_tmp_dir, is_local, make_dir
from rastervision.pipeline.file_system.local_file_system import TMP_PREFIX

FOLDER = '.partial'


class PredictionParts:
    """Rectangles of a scene, each of which is written on its own as one file.

    A part is there as a whole or not at all. When all are there, `join` lays them out as the files
    of the scene, which do not depend on who wrote the parts, when, or in which order.
    """

    def __init__(
        self, outputs: SceneOutputs, boxes: Sequence[Box], key: str, tmp_dir: str | None = None
    ) -> None:
        """Constructor. Parts that were written for another key are removed.

        Args:
            outputs: what is written for the scene.
            boxes: the parts, in the extent frame. Together they cover the extent once; their edges
                are at multiples of twice the block size, except at the scene's own border.
            key: fingerprint of everything that decides the result.
            tmp_dir: folder for downloads.

        Raises:
            ValueError: the boxes are not as they should be.
        """
        _check(boxes, outputs.extent, 2 * outputs.block_size)
        self._outputs = outputs
        self._boxes = boxes
        self._loaded: dict[int, TileFile] = {}
        self._folder = PartFolder(f'{outputs.root_uri}/{FOLDER}', key, tmp_dir)

    def is_done(self, index: int) -> bool:
        """Whether a part is there, undamaged."""
        if index not in self._loaded:
            path = self._folder.find(index)
            if path is None:
                return False
            try:
                self._loaded[index] = TileFile.load(path, self._stamp(index))
            except DataError:
                return False
        return True

    @contextmanager
    def writer(self, index: int) -> Iterator[LabelWriter]:
        """A writer for the rows of a part, from top to bottom, in the extent frame.

        The part is there when the block ends well; when it fails, nothing of it is left.
        """
        with (
            atomic_path(self._folder.part_uri(index)) as path,
            write_part(
                self._outputs, self._boxes[index], TileFile(path), self._stamp(index)
            ) as writer,
        ):
            yield writer

    def join(self) -> None:
        """Write the files of the scene, put the key on record, and remove the parts.

        Raises:
            StageError: parts are missing.
        """
        missing = [index for index in range(len(self._boxes)) if not self.is_done(index)]
        check_complete(missing, len(self._boxes), self._outputs.root_uri)
        parts = [(box, self._loaded[index]) for index, box in enumerate(self._boxes)]
        _remove_leftovers(self._outputs.root_uri)
        join_parts(self._outputs, parts, self._folder.key)
        self.remove()

    def remove(self) -> None:
        """Remove all parts."""
        self._loaded.clear()
        self._folder.remove()

    def _stamp(self, index: int) -> dict[str, Any]:
        return {'key': self._folder.key, 'box': list(self._boxes[index])}


@contextmanager
def write_whole(outputs: SceneOutputs) -> Iterator[SemanticSegmentationWriter]:
    """A writer for a scene as a single part, which is joined when the block ends well."""
    with (
        _folder_beside(outputs.root_uri) as folder,
        atomic_path(f'{folder}/predictions.part') as path,
    ):
        tiles = TileFile(path)
        with write_part(outputs, outputs.extent, tiles) as writer:
            yield writer
        join_parts(outputs, [(outputs.extent, tiles)])


def _folder_beside(uri: str) -> 'tempfile.TemporaryDirectory[str]':
    """A temporary folder where there is room for what goes to a folder."""
    if not is_local(uri):
        return get_tmp_dir()
    make_dir(uri)
    return tempfile.TemporaryDirectory(prefix=TMP_PREFIX, dir=uri)


def _check(boxes: Sequence[Box], extent: Box, unit: int) -> None:
    height, width = extent.size
    seen = np.zeros((-(-height // unit), -(-width // unit)), dtype=int)
    for box in boxes:
        on_grid = all(
            edge % unit == 0 or edge == end for edge, end in zip(box, extent, strict=True)
        )
        if not on_grid or not box.area or box.intersection(extent) != box:
            raise ValueError(f'{box} is no part of {extent} with edges at multiples of {unit}.')
        seen[box.ymin // unit : -(-box.ymax // unit), box.xmin // unit : -(-box.xmax // unit)] += 1
    if (seen != 1).any():
        raise ValueError(f'The parts do not cover {extent} once.')


def _remove_leftovers(uri: str) -> None:
    """Remove half-written files from the folder of a scene, which a crash has left."""
    if not is_local(uri):
        return
    for path in Path(uri).glob(f'{TMP_PREFIX}*'):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
