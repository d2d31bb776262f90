"""Find the folders of chips at a URI, unpacking zip files on the way."""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from rastervision.pipeline.file_system import (
    download_if_needed,
    is_local,
    list_paths,
    sync_from_dir,
    unzip,
)
from rastervision.pytorch_learner.dataset.utils.utils import ImageDatasetError, load_image


def split_dirs(uri: str | list[str], split: str, tmp_dir: str | None = None) -> list[Path]:
    """Local folders of the chips of a split.

    Args:
        uri: A folder with subfolders `train`, `valid` and maybe `test`, a zip file of such a
            folder, a list of such zip files, or a folder of such zip files.
        split: Name of the subfolder.
        tmp_dir: Folder for what is downloaded and unpacked; a second call finds it there.

    Returns:
        The subfolders that exist, in the order of the URIs.

    Raises:
        ImageDatasetError: If there are no training chips at all.
        NotReadableError: If there is nothing at the URI.
    """
    tmp_dir = mkdtemp() if tmp_dir is None else tmp_dir
    uris = [uri] if isinstance(uri, str) else uri
    roots = [root for one in uris for root in _roots(one, tmp_dir)]
    found = [root / split for root in roots if (root / split).is_dir()]
    if not found and split == 'train':
        raise ImageDatasetError(_no_chips(uris))
    return found


def _no_chips(uris: list[str]) -> str:
    text = (
        f"{', '.join(uris)} holds no chips: a folder 'train', or zip files with one, was expected."
    )
    zips = [z for uri in uris for z in ([uri] if uri.endswith('.zip') else list_paths(uri, 'zip'))]
    if not zips:
        return f'{text} Has CHIP been run?'
    return f'{text} None of the zip files ({", ".join(zips[:3])}) has one: were all chips dropped?'


def _roots(uri: str, tmp_dir: str) -> list[Path]:
    """Folders that hold the splits."""
    if uri.endswith('.zip'):
        return [_unzipped(uri, tmp_dir)]
    zips = sorted(list_paths(uri, 'zip'))
    if zips:
        return [_unzipped(one, tmp_dir) for one in zips]
    if is_local(uri):
        return [Path(uri)]
    local = Path(tmp_dir, 'chips', _digest(uri))
    sync_from_dir(uri, str(local))
    return [local]


def _unzipped(uri: str, tmp_dir: str) -> Path:
    target = Path(tmp_dir, 'chips', _digest(uri))
    if not target.exists():
        part = target.with_suffix('.part')
        shutil.rmtree(part, ignore_errors=True)  # of a run that ended while it unpacked
        part.parent.mkdir(parents=True, exist_ok=True)
        unzip(download_if_needed(uri, tmp_dir), str(part))
        with ThreadPoolExecutor() as pool:
            list(pool.map(_decode, part.rglob('*.png')))
        part.rename(target)
    inner = [p for p in target.iterdir() if p.is_dir()]
    is_wrapped = len(inner) == 1 and inner[0].name not in {'train', 'valid', 'test'}
    return inner[0] if is_wrapped else target


def _decode(path: Path) -> None:
    """Turn a PNG file that is hardly smaller than its pixels into an array of the same name.

    An array is read several times as fast, in every epoch. Labels are small as PNG and stay.
    """
    array_path = path.with_suffix('.npy')
    pixels = load_image(path)
    if pixels.nbytes < 2 * path.stat().st_size and not array_path.exists():
        np.save(array_path, pixels)
        path.unlink()


def _digest(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:16]
