"""The images that a user means by files, folders, patterns and lists, and names for their outputs.

What an argument is follows from the argument alone:

- a folder, or a remote URI that ends with '/': all images in it, not those in its subfolders,
- a pattern such as 'tiles/*.tif' or 'tiles/**/*.tif': the files that match,
- a file .txt: a list with one image a line,
- a file .csv: a table with a column of images and, perhaps, one of names for outputs,
- anything else: one image.

For models that read several images of each scene, only a table will do: a row is a scene, and has
a column for each image.
"""

import csv
import glob
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from rastervision.pipeline.errors import ConfigError, RVError
from rastervision.pipeline.file_system import file_exists, file_to_str, is_local, list_paths
from rastervision.pipeline.file_system.local_file_system import to_path

Kind: TypeAlias = Literal['image', 'folder', 'pattern', 'text', 'table']
Columns: TypeAlias = tuple[Sequence[int], int | None]
"""Columns of the images of a scene, and that of the name of its output."""

RASTERS = frozenset({
    '.asc', '.bil', '.ecw', '.img', '.j2k', '.jp2', '.jpeg', '.jpg', '.kea', '.mrf', '.nitf',
    '.ntf', '.pix', '.png', '.safe', '.sid', '.tif', '.tiff', '.vrt', '.zarr',
})  # fmt: skip
"""Endings of what counts as an image in a folder; any other file can be named by itself."""
RASTER_FOLDERS = frozenset({'.safe', '.zarr'})
"""Endings of folders that are one image."""
LISTS: dict[str, Kind] = {'.txt': 'text', '.csv': 'table'}
IMAGE_COLUMNS = ('image', 'image_uri', 'uri', 'path')
"""Names of columns of images; where there are several, numbers may follow: image_1, image_2."""
NAME_COLUMNS = ('name', 'output')
RECORD = 'prediction.json'
"""What label stores write beside predictions; importing their constant would import numpy."""


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image to predict, or several of one scene.

    Attributes:
        uri: The image.
        name: Folder for its output, relative to that of all outputs; '' for one made of the uri.
        origin: Where a list names it, such as 'list.csv, line 3'; '' elsewhere.
        others: Further images of the same scene, for models that read several.
    """

    uri: str
    name: str = ''
    origin: str = ''
    others: tuple[str, ...] = ()

    @property
    def uris(self) -> list[str]:
        """All images of the scene."""
        return [self.uri, *self.others]

    def __str__(self) -> str:
        names = ', '.join(self.uris)
        return f'{names} ({self.origin})' if self.origin else names


def is_one_image(args: Sequence[str]) -> bool:
    """Say whether arguments name one image, rather than something that holds any number."""
    return len(args) == 1 and kind_of(args[0]) == 'image'


def kind_of(arg: str) -> Kind:
    """Say what an argument is; only the names of local files and folders are looked up."""
    path = PurePosixPath(to_path(arg).as_posix() if is_local(arg) else urlsplit(arg).path)
    suffix = path.suffix.lower()
    if is_local(arg):
        if to_path(arg).is_dir():
            return 'image' if suffix in RASTER_FOLDERS else 'folder'
        if glob.has_magic(arg) and not to_path(arg).exists():
            return 'pattern'
    elif arg.endswith('/'):
        return 'folder'
    elif '*' in str(path):
        return 'pattern'
    return LISTS.get(suffix, 'image')


def may_exist(uri: str) -> bool:
    """Say whether there may be an image; only local files are looked up."""
    return uri.startswith('/vsi') or not is_local(uri) or file_exists(uri)


def has_raster_name(uri: str) -> bool:
    """Say whether a file counts as an image by its name."""
    path = PurePosixPath(uri.replace('\\', '/'))
    return path.suffix.lower() in RASTERS and not path.name.startswith('.')


def find_images(args: Iterable[str | ListedImage], per_scene: int = 1) -> list[ListedImage]:
    """List the images that arguments name, each once, in the order of the arguments.

    Args:
        args: What names images.
        per_scene: How many images of a scene the model reads.

    Raises:
        NotReadableError: A folder or list cannot be read.
        ConfigError: A folder, pattern or list names no image, a list has a line that is wrong, or
            something names another number of images of a scene.
    """
    found: dict[tuple[tuple[str, ...], str], ListedImage] = {}
    for arg in args:
        images = [arg] if isinstance(arg, ListedImage) else list(_images_of(arg, per_scene))
        if not images and isinstance(arg, str):
            raise ConfigError(_nothing_in(arg))
        for image in images:
            if len(image.uris) != per_scene:
                raise ConfigError(f'{image.origin or arg} {_wrong_number(image, per_scene)}')
            found.setdefault((tuple(map(_absolute, image.uris)), image.name), image)
    return list(found.values())


def output_names(images: Sequence[ListedImage]) -> list[str]:
    """Name the output of each image, no two alike on any file system.

    The name is the one that a list gives, else the file name without its ending. Where that
    repeats, the folder of the file comes before it; where that repeats too, a digest of the URI
    follows. So a name depends neither on the order of the images nor on those called otherwise.

    Raises:
        ConfigError: Lists give the same name twice.
    """
    choices = [_names(image) for image in images]
    level = [0] * len(images)
    while True:
        names = [choices[i][level[i]] for i in range(len(images))]
        counts = Counter(name.casefold() for name in names)
        repeated = [i for i, name in enumerate(names) if counts[name.casefold()] > 1]
        if not repeated:
            return names
        movable = [i for i in repeated if level[i] + 1 < len(choices[i])]
        if not movable:
            name = names[repeated[0]]
            clash = [str(images[i]) for i in repeated if names[i].casefold() == name.casefold()]
            raise ConfigError(f'The output name {name!r} is given to {" and ".join(clash)}.')
        for i in movable:
            level[i] += 1


def _names(image: ListedImage) -> tuple[str, ...]:
    if image.name:
        return (image.name,)
    uri = _absolute(image.uri)
    path = PurePosixPath(to_path(uri).as_posix() if is_local(uri) else urlsplit(uri).path)
    identity = '\n'.join(map(_absolute, image.uris))
    digest = sha256(identity.encode('utf-8', 'surrogateescape')).hexdigest()[:8]
    return path.stem, f'{path.parent.name}-{path.stem}', f'{path.stem}-{digest}'


def _absolute(uri: str) -> str:
    return str(to_path(uri).absolute()) if is_local(uri) else uri


def _images_of(arg: str, per_scene: int) -> Iterator[ListedImage]:
    match kind_of(arg):
        case 'folder':
            uris = (uri for uri in list_paths(arg) if has_raster_name(uri) and not _is_output(uri))
            return map(ListedImage, uris)
        case 'pattern':
            return map(ListedImage, _matches(arg))
        case 'text':
            return _in_text(arg)
        case 'table':
            return _in_table(arg, per_scene)
    return iter([ListedImage(arg)])


def _wrong_number(image: ListedImage, per_scene: int) -> str:
    count = len(image.uris)
    images = '1 image' if count == 1 else f'{count} images'
    names = f'names {images} of a scene, but the model reads {per_scene}'
    if per_scene == 1:
        return f'{names}; name it in a column image, and its output, if you like, in a column name.'
    columns = ', '.join(f'image_{i + 1}' for i in range(per_scene))
    return (
        f'{names}, in the order of the sources in its config. Name them in a list .csv that has a '
        f'row for each scene and the columns {columns}.'
    )


def _nothing_in(arg: str) -> str:
    match kind_of(arg):
        case 'folder':
            inside = f"; for its subfolders give a pattern, '{arg.rstrip('/')}/**/*.tif'"
            return f'There is no image in folder {arg}{inside if is_local(arg) else ""}.'
        case 'pattern':
            return f'No file matches the pattern {arg!r}.'
    return f'The list {arg} names no image.'


def _matches(pattern: str) -> list[str]:
    """Files that match, sorted; if the pattern leaves the ending open, those that are images."""
    folder, _, name = pattern.replace('\\', '/').rpartition('/')
    if is_local(pattern):
        found = glob.glob(str(to_path(pattern)), recursive=True)  # noqa: PTH207 (may be absolute)
        uris = sorted(uri for uri in found if not Path(uri).is_dir() or has_raster_name(uri))
    elif '*' in folder:
        raise ConfigError(f'{pattern!r} may have wildcards after the last / only, as it is remote.')
    else:
        uris = [u for u in list_paths(f'{folder}/') if fnmatchcase(u.rpartition('/')[2], name)]
    if glob.has_magic(PurePosixPath(name).suffix or '*'):
        uris = [uri for uri in uris if has_raster_name(uri)]
    return [uri for uri in uris if not _is_output(uri)]


def _is_output(uri: str) -> bool:
    """Say whether a local file was predicted: a pattern may lead into the folder of outputs."""
    if not is_local(uri):
        return False
    path = to_path(uri)
    record = path.with_name(RECORD)
    if not record.is_file():
        return False
    try:
        return path.name in json.loads(record.read_text(encoding='utf-8'))['files']
    except (OSError, ValueError, TypeError, KeyError):
        return False  # not a record of ours


def _in_text(uri: str) -> Iterator[ListedImage]:
    for number, line in enumerate(_lines(uri), 1):
        if (entry := line.strip().strip('"')) and not entry.startswith('#'):
            yield _listed(uri, number, [entry])


def _in_table(uri: str, per_scene: int) -> Iterator[ListedImage]:
    """Images of a table whose columns have known names, or else stand in the order images, name."""
    lines = _lines(uri)
    first = next((line for line in lines if line.strip() and not line.startswith('#')), '')
    delimiter = next((d for d in ',;\t' if d in first), ',')
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    named: Columns | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith('#'):
                continue
            if named is None:
                named = _by_name(cells)
                if named[0]:
                    continue
            images, name = named if named[0] else _by_place(cells, per_scene)
            entries = [_cell(cells, column) for column in images]
            yield _listed(uri, reader.line_num, entries, _cell(cells, name))
    except csv.Error as error:
        raise ConfigError(f'{uri}, line {reader.line_num}: {error}.') from error


def _by_name(header: Sequence[str]) -> Columns:
    """The columns that a header names; none of images if it is no header."""
    names = [cell.lower() for cell in header]
    kinds = [re.sub(r'[ _]?\d+$', '', name) for name in names]
    kind = next((kind for kind in IMAGE_COLUMNS if kind in kinds), None)
    name = next((names.index(name) for name in NAME_COLUMNS if name in names), None)
    return [i for i in range(len(names)) if kinds[i] == kind], name


def _by_place(cells: Sequence[str], per_scene: int) -> Columns:
    """The columns of a row without a header: those of images, then perhaps that of the name."""
    filled = max(i + 1 for i, cell in enumerate(cells) if cell)
    if filled == per_scene + 1 and not has_raster_name(cells[per_scene]):
        return range(per_scene), per_scene
    return range(filled), None


def _cell(cells: Sequence[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ''


def _listed(list_uri: str, line: int, entries: Sequence[str], name: str = '') -> ListedImage:
    """Check a line of a list; a name must be a relative path, so that outputs stay together."""
    origin = f'{list_uri}, line {line}'
    if not all(entries):
        where = '' if len(entries) == 1 else f' in column {entries.index("") + 1} of the images'
        raise ConfigError(f'{origin}: no image is named{where}.')
    bad_part = any(part in {'', '.', '..'} for part in name.split('/'))
    if name and (bad_part or any(letter in name for letter in '\\:*?"<>|')):
        raise ConfigError(
            f'{origin}: {name!r} cannot be the name of an output; give a name such as "north" or '
            '"2024/north".'
        )
    try:
        uri, *others = (_beside(list_uri, entry) for entry in entries)
    except RVError as error:  # no file system serves this kind of URI
        raise ConfigError(f'{origin}: {error}') from error
    return ListedImage(uri, name, origin, tuple(others))


def _lines(uri: str) -> list[str]:
    return file_to_str(uri).removeprefix('\ufeff').splitlines()


def _beside(list_uri: str, entry: str) -> str:
    """The URI of an entry: a relative one starts at the folder of the list."""
    if not is_local(entry) or Path(entry).is_absolute():
        return entry
    if is_local(list_uri):
        return str(to_path(list_uri).parent / entry)
    return f'{list_uri.rpartition("/")[0]}/{entry}'
