"""Writing training chips into zip files."""

import hashlib
import io
import json
import tempfile
import zipfile
from abc import abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from rastervision.core.backend import ShareWriter
from rastervision.core.data import ClassConfig
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline.layout import join_uri
from rastervision.core.utils.png import encode_png
from rastervision.pipeline.file_system import atomic_path, upload_or_copy

ENCODERS = 2
"""Threads that encode chips."""
PNG_CHANNELS = 3
"""Chips of this many bytes per pixel are images, all others are arrays."""


def get_image_ext(chip: NDArray[Any]) -> str:
    """Return the file name extension for a chip or label: png for RGB and class ids, else npy."""
    is_image = chip.ndim == 2 or chip.shape[-1] == PNG_CHANNELS
    return 'png' if chip.dtype == np.uint8 and is_image else 'npy'


def encode_chip(chip: NDArray[Any], path: str) -> bytes:
    """Encode a chip in the format that the extension of ``path`` names."""
    if path.endswith('.png'):
        return encode_png(chip)
    buffer = io.BytesIO()
    np.save(buffer, chip)
    return buffer.getvalue()


def write_chip(chip: NDArray[Any], path: str) -> None:
    """Write a chip to a file of its own."""
    with atomic_path(path) as tmp_path, open(tmp_path, 'wb') as f:  # noqa: PTH123 - a plain path
        f.write(encode_chip(chip, path))


class UniqueNames:
    """Gives a number to a name that is taken already."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()

    def take(self, path: str) -> str:
        """Return a path, with a number before its extension if it was taken before."""
        self._count[path] += 1
        if (count := self._count[path]) == 1:
            return path
        stem, _, ext = path.rpartition('.')
        return f'{stem}-{count}.{ext}'


class PyTorchLearnerSampleWriter(ShareWriter):
    """Writes samples into one zip file, which appears when the ``with`` block ends well.

    Chips are encoded in threads and stored in the order in which they come, so the same samples
    give the same file. In the file of a share, chips are in folders ``<scene>/<count>``.
    """

    def __init__(self, output_uri: str, class_config: ClassConfig, tmp_dir: str) -> None:
        """Prepare a writer.

        Args:
            output_uri: The zip file to write; or a folder, in which the file is named after its
                content.
            class_config: The classes.
            tmp_dir: Local folder for temporary files.
        """
        self.output_uri = output_uri
        self.class_config = class_config
        self.tmp_dir = tmp_dir
        self._names = UniqueNames()
        self._share: tuple[int, Iterator[int]] | None = None
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        path = self._stack.enter_context(self._target())
        self._zip = zipfile.ZipFile(path, 'w', zipfile.ZIP_STORED)
        self._stack.callback(self._zip.close)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(ENCODERS))
        self._waiting: deque[tuple[str, Future[bytes]]] = deque()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            with self._stack:
                self._finish()
                self._store(0)
            return
        for _, future in self._waiting:
            future.cancel()
        self._stack.__exit__(exc_type, exc, traceback)

    def begin_scene(self, number: int) -> None:
        """Keep the chips that follow apart from those of other scenes; names may be taken again."""
        self._share = number, count()

    def write_sample(self, sample: DataSample) -> None:
        """Write a sample; this class writes its chip only."""
        self.write_chip(sample.chip, self.get_image_path(sample))

    def get_image_path(self, sample: DataSample) -> str:
        """Return where in the zip file the chip of a sample goes."""
        return self.sample_path(sample, 'img', sample.chip)

    def get_image_ext(self, chip: NDArray[Any]) -> str:
        """Return the file name extension for a chip."""
        return get_image_ext(chip)

    def sample_path(self, sample: DataSample, folder: str, array: NDArray[Any]) -> str:
        """Return ``<split>/<folder>/<scene>-<ymin>-<xmin>-<ymax>-<xmax>.<extension>``."""
        window = () if sample.window is None else sample.window.to_int().tuple_format()
        name = '-'.join([quote(sample.scene_id or 'scene', safe=' '), *map(str, window)])
        return f'{sample.split or "train"}/{folder}/{name}.{self.get_image_ext(array)}'

    def write_chip(self, chip: NDArray[Any], path: str) -> str:
        """Store a chip in the zip file; a name that is taken already gets a number.

        Returns:
            Its path in the file.
        """
        if self._share is None:
            path = self._names.take(path)
        else:
            scene, numbers = self._share
            path = f'{scene}/{next(numbers)}/{path}'
        self._put(path, encode_chip, chip, path)
        return path

    def take_over(self, path: str, data: bytes) -> None:
        """Store what another writer stored of a share, in the order in which it came.

        Args:
            path: Where it is in the file of the share, without scene and count.
            data: The content.
        """
        self._put(self._names.take(path), bytes, data)

    def _put(self, path: str, encode: Callable[..., bytes], *args: Any) -> None:
        """Store what a thread encodes."""
        self._waiting.append((path, self._pool.submit(encode, *args)))
        self._store(2 * ENCODERS)

    def _finish(self) -> None:
        """Write what can be written only when all samples are known; for subclasses."""

    def _store(self, leave: int) -> None:
        """Move what is encoded into the zip file until no more than ``leave`` chips wait."""
        while len(self._waiting) > leave:
            name, future = self._waiting.popleft()
            data = future.result()
            self._digest.update(data)
            self._zip.writestr(zipfile.ZipInfo(name), data)

    @contextmanager
    def _target(self) -> Iterator[str]:
        """Yield a path to write to; what is there goes to ``output_uri`` at the end."""
        if self.output_uri.endswith('.zip'):
            with atomic_path(self.output_uri) as path:
                yield path
            return
        with tempfile.TemporaryDirectory(dir=self.tmp_dir) as folder:
            path = str(Path(folder, 'chips.zip'))
            yield path
            name = f'chips-{self._digest.hexdigest()[:16]}.zip'
            upload_or_copy(path, join_uri(self.output_uri, name))


class ListedSampleWriter(PyTorchLearnerSampleWriter):
    """Writes chips to ``<split>/img``, and one file that lists all chips of a split.

    In the file of a share, each chip is followed by its entry as JSON; the list is made when the
    shares are joined.
    """

    list_name: str
    """Name of the file in the folder of the split."""

    def __init__(self, output_uri: str, class_config: ClassConfig, tmp_dir: str) -> None:
        super().__init__(output_uri, class_config, tmp_dir)
        self._entries: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        self._last = ''

    @abstractmethod
    def get_entry(self, sample: DataSample) -> Any:
        """Return what the list says of a sample, as JSON can hold it."""

    @abstractmethod
    def make_list(self, entries: Sequence[tuple[str, Any]]) -> str:
        """Return the list of a split.

        Args:
            entries: The names of the files of the chips in their folder, with their entries.
        """

    def write_sample(self, sample: DataSample) -> None:
        """Write the chip of a sample and take down its entry."""
        path = self.write_chip(sample.chip, self.get_image_path(sample))
        self.add_entry(path, self.get_entry(sample))

    def add_entry(self, path: str, entry: Any) -> None:
        """Take down the entry of the chip at a path."""
        if self._share is not None:
            self._put(f'{path}{_ENTRY}', str.encode, json.dumps(entry))
            return
        split, _, name = path.split('/')
        self._entries[split].append((name, entry))

    def take_over(self, path: str, data: bytes) -> None:
        """Store a chip of a share, or take down the entry of the one before."""
        if path.endswith(_ENTRY):
            self.add_entry(self._last, json.loads(data))
            return
        self._last = self._names.take(path)
        self._put(self._last, bytes, data)

    def _finish(self) -> None:
        for split, entries in self._entries.items():
            self._put(f'{split}/{self.list_name}', str.encode, self.make_list(entries))


_ENTRY = '.entry.json'
