"""Model bundles: zip files with digests, and how to open one that cannot be trusted.

A pipeline's bundle holds the pipeline config, the learner's bundle, the statistics and a STAC
item; a learner's bundle holds weights, the learner config, usually the model as ONNX and, for
models that are defined outside this package, their code. Both carry ``manifest.json`` with the
SHA-256 of every other file. Bundles of release 0.31 have no manifest and load as well.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any

from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import atomic_path, download_if_needed

PIPELINE_CONFIG = 'pipeline-config.json'
MODEL_BUNDLE = 'model-bundle.zip'
LEARNER_CONFIG = 'learner-config.json'
MANIFEST = 'manifest.json'
STAC_ITEM = 'stac-item.json'
MODULES = 'modules'
ONNX = 'model.onnx'

MAX_FILES = 10_000
# DEFLATE cannot exceed 1032:1; weights stay near 1:1 and JSON near 20:1
MAX_RATIO = 200
FREE_BYTES = 64 * 2**20
BLOCK = 2**20

_STORED = {'.zip', '.safetensors', '.pth', '.onnx', '.data', '.png', '.tif'}
_CODE_FIELDS = ('external_def', 'lambda_transforms_path')
_CODE = {'.py', '.pyc', '.pyd', '.so', '.dll', '.dylib'}


def write_bundle(bundle_uri: str, files: Mapping[str, str | Path | bytes]) -> None:
    """Write a bundle in one step: either the whole file appears or none.

    The same content gives the same bytes: members are sorted and carry no time.

    Args:
        bundle_uri: Where to write the zip file.
        files: By name inside the bundle, a local path or the content itself.

    Raises:
        NotWritableError: The bundle cannot be written.
    """
    digests: dict[str, dict[str, Any]] = {}
    with atomic_path(bundle_uri) as path, zipfile.ZipFile(path, 'w') as zf:
        for name in sorted(files):
            digests[name] = _add(zf, name, files[name])
        manifest = {
            'format': 'rastervision-bundle',
            'version': 1,
            'rastervision': version('rastervision'),
            'files': digests,
        }
        _add(zf, MANIFEST, json.dumps(manifest, indent=1).encode())


def extract_bundle(
    bundle_uri: str | Path, target_dir: str | Path, required: Iterable[str] = ()
) -> Path:
    """Unpack a bundle after checking it; a bundle that fails a check leaves nothing behind.

    Args:
        bundle_uri: The zip file, local or remote.
        target_dir: Folder to unpack into; made when missing.
        required: Files without which this is not the bundle that the caller means.

    Returns:
        The folder.

    Raises:
        NotReadableError: There is no such file.
        DataError: It is not a zip file, lacks a required file, is damaged, does not match its
            manifest, or would write outside the folder or fill the disk.
    """
    target = Path(target_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix='.bundle-') as tmp,
        open_bundle(bundle_uri, required) as zf,
    ):
        digests = {
            info.filename: _extract_member(bundle_uri, zf, info, Path(tmp))
            for info in zf.infolist()
            if not info.is_dir()
        }
        _check_manifest(bundle_uri, digests, Path(tmp) / MANIFEST)
        shutil.copytree(tmp, target, dirs_exist_ok=True, copy_function=os.replace)
    return target


def open_bundle(bundle_uri: str | Path, required: Iterable[str] = ()) -> zipfile.ZipFile:
    """Open a bundle for reading after checking names, sizes and required files.

    Raises:
        NotReadableError: There is no such file.
        DataError: See ``extract_bundle``; digests are not looked at here.
    """
    path = download_if_needed(str(bundle_uri))
    try:
        zf = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as e:
        raise DataError(
            f'{bundle_uri} is not a model bundle: it cannot be opened as a zip file ({e}). '
            f'Give the {MODEL_BUNDLE} that the bundle command wrote.'
        ) from e
    try:
        _check_members(bundle_uri, zf, Path(path).stat().st_size)
        _check_required(bundle_uri, zf, required)
    except BaseException:
        zf.close()
        raise
    return zf


def carries_code(bundle_uri: str | Path) -> bool:
    """Say whether loading the model of a bundle would run code that comes with it.

    True when the bundle, or the learner's bundle inside it, holds Python modules, or when its
    learner config names a model or a transform that is not of this package.

    Raises:
        NotReadableError: There is no such file.
        DataError: It is not a bundle.
    """
    with open_bundle(bundle_uri) as zf:
        return _carries_code(bundle_uri, zf)


def require_trust(bundle_uri: str | Path, trust_code: bool) -> None:
    """Refuse a bundle that carries code unless the user trusts it.

    Raises:
        DataError: The bundle carries code and ``trust_code`` is false.
    """
    if not trust_code and carries_code(bundle_uri):
        raise DataError(
            f'Model bundle {bundle_uri} carries the code of its model, and loading it would '
            'run that code on this machine. If you know where the bundle comes from, pass '
            '--trust-code on the command line, or trust_code=True in Python.'
        )


def bundle_digest(bundle_uri: str | Path) -> str:
    """Return a SHA-256 of what is in a bundle: the same for two bundles of the same content.

    Raises:
        NotReadableError: There is no such file.
        DataError: It is not a bundle.
    """
    if files := listed_files(bundle_uri):
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return file_digest(download_if_needed(str(bundle_uri)))[1]


def listed_files(bundle_uri: str | Path) -> dict[str, dict[str, Any]]:
    """Return what the manifest of a bundle says: ``size`` and ``sha256`` by name.

    Empty for bundles of release 0.31, which have no manifest.

    Raises:
        NotReadableError: There is no such file.
        DataError: It is not a bundle.
    """
    with open_bundle(bundle_uri) as zf:
        if MANIFEST not in zf.namelist():
            return {}
        try:
            files: dict[str, dict[str, Any]] = json.loads(zf.read(MANIFEST))['files']
        except (ValueError, TypeError, KeyError, RuntimeError, zlib.error) as e:
            raise DataError(f'{MANIFEST} in model bundle {bundle_uri} cannot be read: {e}.') from e
        return files


def file_digest(path: str | Path) -> tuple[int, str]:
    """Return size in bytes and SHA-256 of a local file."""
    with Path(path).open('rb') as f:
        return _copy(f, None)


def _add(zf: zipfile.ZipFile, name: str, source: str | Path | bytes) -> dict[str, Any]:
    stored = PurePosixPath(name).suffix.lower() in _STORED
    info = zipfile.ZipInfo(name)  # its default date is 1980-01-01
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    if isinstance(source, bytes):
        info.file_size = len(source)
        with zf.open(info, 'w') as out:
            out.write(source)
        return {'size': len(source), 'sha256': hashlib.sha256(source).hexdigest()}
    info.file_size = Path(source).stat().st_size
    with Path(source).open('rb') as f, zf.open(info, 'w') as out:
        size, digest = _copy(f, out)
    return {'size': size, 'sha256': digest}


def _copy(source: IO[bytes], target: IO[bytes] | None) -> tuple[int, str]:
    """Copy a stream and return its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(BLOCK):
        digest.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return size, digest.hexdigest()


def _check_members(uri: str | Path, zf: zipfile.ZipFile, archive_size: int) -> None:
    infos = zf.infolist()
    if len(infos) > MAX_FILES:
        raise DataError(f'{uri} holds {len(infos)} files; a model bundle has at most {MAX_FILES}.')
    total = sum(info.file_size for info in infos)
    if total > MAX_RATIO * archive_size + FREE_BYTES:
        raise DataError(
            f'{uri} would grow from {archive_size} to {total} bytes when unpacked, which no model '
            'bundle does; it was not unpacked.'
        )
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        path = PurePosixPath(name)
        escapes = path.is_absolute() or '..' in path.parts or '\\' in name or ':' in name
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if escapes or is_link or name.lower() in seen:
            raise DataError(
                f'{uri} has a member {name!r} that could be written outside its folder or over '
                'another file; it was not unpacked.'
            )
        seen.add(name.lower())


def _check_required(uri: str | Path, zf: zipfile.ZipFile, required: Iterable[str]) -> None:
    names = set(zf.namelist())
    missing = [name for name in required if name not in names]
    if missing:
        raise DataError(
            f'{uri} is not the model bundle that is needed here: '
            f'it has no {" and no ".join(missing)}. The one for predictions is written by the '
            'bundle command.'
        )


def _extract_member(
    uri: str | Path, zf: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path
) -> tuple[int, str]:
    path = folder / info.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zf.open(info) as source, path.open('wb') as target:
            return _copy(source, target)
    # NotImplementedError: a compression of its own; RuntimeError: encrypted; zlib.error, EOFError:
    # damaged data
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as e:
        raise DataError(f'{info.filename} in model bundle {uri} is damaged: {e}.') from e


def _check_manifest(
    uri: str | Path, digests: Mapping[str, tuple[int, str]], manifest_path: Path
) -> None:
    if not manifest_path.is_file():
        return
    try:
        listed = json.loads(manifest_path.read_bytes())['files']
        expected = {name: (v['size'], v['sha256']) for name, v in listed.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise DataError(f'{MANIFEST} in model bundle {uri} cannot be read: {e}.') from e
    found = {name: v for name, v in digests.items() if name != MANIFEST}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            problem = (
                'is missing'
                if name not in found
                else 'is not listed in its manifest'
                if name not in expected
                else 'differs from the digest in its manifest'
            )
            raise DataError(
                f'{name} in model bundle {uri} {problem}: the bundle was changed or damaged '
                'after it was written. Get it again from its source.'
            )


def _carries_code(uri: str | Path, zf: zipfile.ZipFile) -> bool:
    for info in zf.infolist():
        path = PurePosixPath(info.filename)
        if path.parts[:1] == (MODULES,) or path.suffix.lower() in _CODE:
            return True
        try:
            if path.name == MODEL_BUNDLE:
                with zf.open(info) as f, zipfile.ZipFile(f) as inner:
                    if _carries_code(uri, inner):
                        return True
            elif path.name == LEARNER_CONFIG and _names_code(json.loads(zf.read(info))):
                return True
        except (zipfile.BadZipFile, ValueError, RuntimeError, zlib.error) as e:
            raise DataError(f'{info.filename} in model bundle {uri} is damaged: {e}.') from e
    return False


def _names_code(config: Any) -> bool:
    """Say whether a learner config names a model or a transform outside installed packages."""
    if isinstance(config, dict):
        return any(map(config.get, _CODE_FIELDS)) or any(map(_names_code, config.values()))
    return isinstance(config, list) and any(map(_names_code, config))
