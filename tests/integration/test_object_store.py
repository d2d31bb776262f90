"""A whole pipeline whose inputs and outputs are in an object store."""

import json
import shutil
from pathlib import Path

import pytest

from rastervision.pipeline.file_system import sync_from_dir, sync_to_dir

pytestmark = pytest.mark.integration
RUN = ('run', 'inprocess', '--splits', 2, '-a', 'from_chips', 'true')
# What says where things are, or when, and so differs.
OWN = {'pipeline-config.json', 'bundle', 'train', 'logs', 'state', 'prediction.json'}


def outputs(root: Path) -> dict[str, bytes]:
    paths = [path for path in root.rglob('*') if path.is_file()]
    names = [path.relative_to(root) for path in paths]
    return {
        name.as_posix(): path.read_bytes()
        for name, path in zip(names, paths, strict=True)
        if not OWN & set(name.parts)
    }


@pytest.fixture
def local_run(project, cli):
    """The project with its outputs below root."""
    config = project / 'config.py'
    text = config.read_text().replace('batch_sz=4, lr', 'batch_sz=4, seed=0, lr')
    config.write_text(text)
    cli(*RUN, config, '-a', 'root_uri', project / 'root')
    return project


def test_a_pipeline_in_a_bucket_does_as_on_a_disk(
    local_run, s3, faulty, cli, tmp_path, monkeypatch
):
    """One request in ten fails, and nothing is lost. Slow, for it is the whole way, twice."""
    monkeypatch.setenv('RV_CACHE_DIR', str(tmp_path / 'cache'))
    inputs = tmp_path / 'inputs'
    for path in [*local_run.glob('*.tif'), *local_run.glob('*.geojson')]:
        inputs.mkdir(exist_ok=True)
        shutil.copy(path, inputs)
    sync_to_dir(str(inputs), f'{s3}/inputs')
    config = local_run / 'config_s3.py'
    text = (local_run / 'config.py').read_text()
    config.write_text(text.replace("str(HERE / f'{name}.", f"str(f'{s3}/inputs/{{name}}."))
    command = (*RUN, config, '-a', 'root_uri', f'{s3}/out')
    assert 'Running train command' in cli(*command).output
    assert 'Running' not in cli(*command).output

    sync_from_dir(f'{s3}/out', str(tmp_path / 'copy'))
    assert outputs(tmp_path / 'copy') == outputs(local_run / 'root')
    files = {p.relative_to(tmp_path / 'copy').as_posix() for p in (tmp_path / 'copy').rglob('*')}
    assert files >= {'train/last-model.pth', 'bundle/model-bundle.zip'}
    assert not [name for name in files if '.partial' in name]
    assert set(faulty.seen) == set(faulty.faults)
    stored = (tmp_path / 'copy' / 'pipeline-config.json').read_text()
    assert json.loads(stored)['root_uri'] == f'{s3}/out'
    assert 'not-a-secret' not in stored

    out = f'{s3}/predictions'
    cli('predict', f'{s3}/out/bundle/model-bundle.zip', f'{s3}/inputs/b.tif', out, '--trust-code')
    sync_from_dir(out, str(tmp_path / 'out'))
    predicted = local_run / 'root' / 'predict' / 'b'
    assert outputs(tmp_path / 'out') == outputs(predicted)
