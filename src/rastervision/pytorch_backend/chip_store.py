"""The chips of each scene in a zip file of its own."""

import logging
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rastervision.core.backend import ChippedScene, ChipStore
from rastervision.core.rv_pipeline import layout
from rastervision.pipeline.file_system import (
    download_if_needed,
    file_exists,
    is_local,
    list_paths,
)
from rastervision.pytorch_backend.sample_writer import PyTorchLearnerSampleWriter

log = logging.getLogger(__name__)

_OUR_CHIPS = re.compile(r'(train|valid)-.+\.zip|chips-[0-9a-f]{16}\.zip')


class ZipChipStore(ChipStore):
    """Zip files in a folder, named after their scenes."""

    def __init__(
        self, chip_uri: str, writer: Callable[[str], PyTorchLearnerSampleWriter], tmp_dir: str
    ) -> None:
        """Prepare to write.

        Args:
            chip_uri: The folder.
            writer: Makes the writer of the task for a zip file.
            tmp_dir: Local folder for downloads.
        """
        self.chip_uri = chip_uri
        self.writer = writer
        self.tmp_dir = tmp_dir

    def scene_writer(self, scene: ChippedScene) -> PyTorchLearnerSampleWriter:
        return self.writer(layout.chips_uri(self.chip_uri, *scene))

    def share_writer(self, uri: str) -> PyTorchLearnerSampleWriter:
        return self.writer(uri)

    def join(self, shares: Sequence[str], scenes: Sequence[ChippedScene]) -> list[bool]:
        with ExitStack() as stack:
            paths = [download_if_needed(uri, self.tmp_dir) for uri in shares]
            files = [stack.enter_context(zipfile.ZipFile(path)) for path in paths]
            members: defaultdict[str, list[tuple[zipfile.ZipFile, str]]] = defaultdict(list)
            for file in files:
                for path in file.namelist():
                    members[path.partition('/')[0]].append((file, path))
            for number, scene in enumerate(scenes):
                uri = layout.chips_uri(self.chip_uri, *scene)
                self._join_scene(members.get(str(number), []), uri)
            return [str(number) in members for number in range(len(scenes))]

    def _join_scene(self, members: Sequence[tuple[zipfile.ZipFile, str]], uri: str) -> None:
        with self.writer(uri) as writer:
            for file, member in members:
                writer.take_over(member.split('/', 2)[2], file.read(member))

    def keep_only(self, scenes: Sequence[ChippedScene]) -> None:
        if not file_exists(self.chip_uri):
            return
        current = {layout.chips_name(*scene) for scene in scenes}
        for uri in list_paths(self.chip_uri, 'zip'):
            name = uri.replace('\\', '/').rpartition('/')[2]
            if name in current or not _OUR_CHIPS.fullmatch(name):
                continue
            if is_local(uri):
                log.info('Removing %s: its scene is not in the pipeline any more.', uri)
                Path(uri).unlink(missing_ok=True)
            else:
                log.warning('%s is of an earlier run, and TRAIN would read it: remove it.', uri)
