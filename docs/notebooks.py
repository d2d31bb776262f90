"""MkDocs hook: runs the tutorials and adds them to the site, with what their cells show.

A tutorial is a script of cells (`# %%`), which Jupyter opens as a notebook through jupytext. Each
is run from its first cell to its last in a kernel of its own, several at a time; a cell that fails
ends the build. What a tutorial showed is kept in `build/tutorials`, and is used again as long as
neither the tutorial nor the package has changed.
"""

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from rastervision.pipeline.utils import cpu_count

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / 'docs' / 'tutorials'
RESULTS = ROOT / 'build' / 'tutorials'
CELL_SECONDS = 600
KERNEL_OPTIONS = ['--log-level=ERROR', '--InteractiveShell.colors=NoColor']
# as many kernels as there are cores run beside each other; tqdm warns that it draws no widget
KERNEL_ENVIRONMENT = {'OMP_NUM_THREADS': '1', 'PYTHONWARNINGS': 'ignore:IProgress not found'}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page, its pictures and the notebook itself for every tutorial."""
    sources = sorted(TUTORIALS.glob('*.py'))
    package = digest(*sorted((ROOT / 'src').rglob('*.py')))
    with ThreadPoolExecutor(cpu_count()) as pool:
        notebooks = pool.map(lambda source: result(source, package), sources)
        for source, notebook in zip(sources, notebooks, strict=True):
            for uri, content in site_files(source.stem, notebook):
                files.append(File.generated(config, uri, content=content))
    return files


def digest(*paths: Path) -> str:
    """One short digest of the content of some files."""
    return hashlib.sha256(b'\0'.join(path.read_bytes() for path in paths)).hexdigest()[:16]


def result(source: Path, package: str) -> Any:
    """The notebook of a tutorial with its outputs, from an earlier build if nothing has changed."""
    kept = RESULTS / f'{source.stem}-{digest(source)}-{package}.ipynb'
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    notebook = run(source)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.glob(f'{source.stem}-*.ipynb'):
        old.unlink()
    nbformat.write(notebook, kept)
    return notebook


def run(source: Path) -> Any:
    """Run a tutorial in an empty folder.

    Raises:
        PluginError: A cell fails.
    """
    notebook = jupytext.read(source)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name='python3',
            extra_arguments=KERNEL_OPTIONS,
            resources={'metadata': {'path': folder}},
        )
        try:
            client.execute(env=os.environ | KERNEL_ENVIRONMENT)
        except CellExecutionError as error:
            raise PluginError(f'{source.relative_to(ROOT)}: {error}') from error
    for cell in notebook.cells:
        drop_values_beside_pictures(cell)
    return notebook


def drop_values_beside_pictures(cell: Any) -> None:
    """Leave out the value of a cell that draws: it is what matplotlib returned."""
    outputs = cell.get('outputs', [])
    if any(is_picture(output) for output in outputs):
        cell.outputs = [o for o in outputs if is_picture(o) or o.output_type == 'stream']


def is_picture(output: Any) -> bool:
    """Tell whether an output is a picture."""
    return 'image/png' in output.get('data', {})


def site_files(name: str, notebook: Any) -> Iterator[tuple[str, str | bytes]]:
    """URI and content of everything that a notebook adds to the site."""
    yield f'tutorials/{name}.ipynb', nbformat.writes(notebook)
    lines = []
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == 'markdown':
            lines.append(cell.source)
            if i == 0:
                lines.append(f'[Download as a notebook]({name}.ipynb)')
            continue
        lines.append(f'```python\n{cell.source}\n```')
        for j, output in enumerate(cell.outputs):
            png = output.get('data', {}).get('image/png')
            if png is None:
                lines.append(f'``` {{ .text .no-copy }}\n{shown_text(output)}\n```')
                continue
            picture = f'{name}_files/{i}-{j}.png'
            lines.append(f'![Output of the cell above]({picture})')
            yield f'tutorials/{picture}', base64.b64decode(png)
    yield f'tutorials/{name}.md', '\n\n'.join(lines) + '\n'


def shown_text(output: Any) -> str:
    """What an output of text shows."""
    text: str = output.get('text') or output['data']['text/plain']
    return text.rstrip('\n')
