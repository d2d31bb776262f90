import shutil

import pytest

from rastervision.pipeline.errors import ConfigError, RVError
from rastervision.pytorch_learner import ExternalModuleConfig
from rastervision.pytorch_learner.utils import torch_hub
from rastervision.pytorch_learner.utils.torch_hub import (
    get_hubconf_dir_from_cfg,
    torch_hub_load_local,
    torch_hub_load_uri,
)

HUBCONF = """
dependencies = ['torch']
from helper import double

def make(x, add=0):
    return double(x) + add

def broken():
    raise RuntimeError('out of luck')
"""


@pytest.fixture
def code(tmp_path):
    """A folder with a hubconf.py and a module beside it."""
    folder = tmp_path / 'code'
    folder.mkdir()
    (folder / 'hubconf.py').write_text(HUBCONF)
    (folder / 'helper.py').write_text('def double(x):\n    return 2 * x\n')
    return folder


def test_the_entrypoint_is_called_with_its_arguments(code):
    assert torch_hub_load_local(str(code), 'make', 3, add=1) == 7


def test_code_is_copied_from_a_folder(code, tmp_path):
    kept = tmp_path / 'modules' / 'kept'
    assert torch_hub_load_uri(str(code), 'make', 3, dst_dir=str(kept)) == 6
    assert torch_hub_load_local(str(kept), 'make', 3) == 6


@pytest.mark.parametrize('wrapped', [False, True])
def test_code_is_copied_from_a_zip_file(code, tmp_path, wrapped):
    root, base = (tmp_path, 'code') if wrapped else (code, None)
    archive = shutil.make_archive(str(tmp_path / 'packed'), 'zip', root, base)
    kept = tmp_path / 'kept'
    assert torch_hub_load_uri(archive, 'make', 3, dst_dir=str(kept)) == 6
    assert (kept / 'hubconf.py').is_file()


def test_a_folder_is_not_touched_without_dst_dir(code):
    before = sorted(p.name for p in code.glob('*.py'))
    ExternalModuleConfig(uri=str(code), entrypoint='make', entrypoint_args=[1]).build()
    assert sorted(p.name for p in code.glob('*.py')) == before


def test_modules_of_the_same_name_do_not_mix(code, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(code, other)
    (other / 'helper.py').write_text('def double(x):\n    return 20 * x\n')
    folders = (code, other, code)
    assert [torch_hub_load_local(str(f), 'make', 3) for f in folders] == [6, 60, 6]


@pytest.mark.parametrize('reference', ['', 'v1.2'])
def test_a_github_repository_is_fetched_once(code, tmp_path, monkeypatch, reference):
    (tmp_path / 'repo-123abc').mkdir()
    shutil.move(code, tmp_path / 'repo-123abc' / 'code')
    root = tmp_path / 'repo-123abc' / 'code'
    archive = shutil.make_archive(str(tmp_path / 'archive'), 'zip', root.parent, root.name)
    asked = []

    def download(uri, folder):
        asked.append(uri)
        return archive

    monkeypatch.setattr(torch_hub, 'download_if_needed', download)
    cfg = ExternalModuleConfig(
        github_repo=f'owner/repo:{reference}' if reference else 'owner/repo',
        entrypoint='make',
        entrypoint_args=[3],
    )
    kept = str(tmp_path / 'modules')
    assert [cfg.build(save_dir=kept), cfg.build(save_dir=kept)] == [6, 6]
    assert asked == [f'https://github.com/owner/repo/archive/{reference or "HEAD"}.zip']
    cfg.force_reload = True
    cfg.build(save_dir=kept)
    assert len(asked) == 2


def test_config_keeps_code_under_its_name(code, tmp_path):
    cfg = ExternalModuleConfig(
        uri=str(code),
        name='mine',
        entrypoint='make',
        entrypoint_args=[2],
        entrypoint_kwargs={'add': 5},
    )
    assert cfg.build(save_dir=str(tmp_path / 'modules')) == 9
    assert cfg.build(hubconf_dir=str(tmp_path / 'modules' / 'mine')) == 9


@pytest.mark.parametrize(
    ('fields', 'folder'),
    [
        ({'uri': '/a/model', 'name': 'mine'}, 'mine'),
        ({'uri': 'https://x.org/a/model.zip'}, 'model'),
        ({'uri': 'a/my model/'}, 'my_model'),
        ({'github_repo': 'owner/repo:v1'}, 'owner_repo_v1'),
    ],
)
def test_name_of_the_folder(fields, folder):
    cfg = ExternalModuleConfig(entrypoint='make', **fields)
    assert get_hubconf_dir_from_cfg(cfg) == folder


def test_without_hubconf(tmp_path):
    with pytest.raises(ConfigError, match=r'no hubconf\.py in'):
        torch_hub_load_local(str(tmp_path), 'make')


def test_an_unknown_entrypoint_is_an_error_with_the_known_ones(code):
    with pytest.raises(ConfigError, match=r"'mak'.*broken, double, make|'mak'.*make"):
        torch_hub_load_local(str(code), 'mak')


def test_a_failing_entrypoint_is_named_with_its_reason(code):
    with pytest.raises(ConfigError, match=r"'broken' of .*hubconf\.py failed.*out of luck"):
        torch_hub_load_local(str(code), 'broken')


def test_missing_packages_are_named(code):
    (code / 'hubconf.py').write_text("dependencies = ['no_such_package_x']\ndef make(): pass\n")
    with pytest.raises(ConfigError, match='no_such_package_x'):
        torch_hub_load_local(str(code), 'make')


def test_a_missing_uri_is_named(tmp_path):
    with pytest.raises(RVError, match='nowhere'):
        torch_hub_load_uri(str(tmp_path / 'nowhere.zip'), 'make')


@pytest.mark.parametrize('fields', [{}, {'uri': 'a', 'github_repo': 'a/b'}])
def test_config_needs_one_source(fields):
    with pytest.raises(ConfigError, match='either uri or github_repo'):
        ExternalModuleConfig(entrypoint='make', **fields)


@pytest.mark.parametrize('fields', [{'uri': ' '}, {'github_repo': 'no-owner'}, {'name': ''}])
def test_config_refuses_empty_names(fields):
    with pytest.raises(ConfigError, match=next(iter(fields))):
        ExternalModuleConfig(entrypoint='make', **fields)


@pytest.mark.parametrize('name', ['/tmp/x', 'a/b', '..', '.', '../x', 'a\\b', 'C:', '. .', '/'])
def test_names_are_no_paths(code, tmp_path, name):
    cfg = ExternalModuleConfig(uri=str(code), name=name, entrypoint='make')
    with pytest.raises(ConfigError, match='not a path'):
        cfg.validate_config()
    with pytest.raises(ConfigError, match='not a path'):
        cfg.build(str(tmp_path / 'modules'))
    with pytest.raises(ConfigError, match='no name for a folder'):
        get_hubconf_dir_from_cfg(cfg, str(tmp_path))


def test_the_folder_above_is_kept_under_its_own_name(code, tmp_path, monkeypatch):
    (code / 'sub').mkdir()
    monkeypatch.chdir(code / 'sub')
    kept = tmp_path / 'train' / 'modules'
    kept.mkdir(parents=True)
    (kept.parent / 'model.pth').write_text('weights')
    cfg = ExternalModuleConfig(uri='..', entrypoint='make', entrypoint_args=[3])
    assert cfg.build(str(kept)) == 6
    assert (kept / 'code' / 'hubconf.py').is_file()
    assert (kept.parent / 'model.pth').read_text() == 'weights'


def test_only_code_is_replaced(code, tmp_path):
    kept = tmp_path / 'kept'
    kept.mkdir()
    assert torch_hub_load_uri(str(code), 'make', 3, dst_dir=str(kept)) == 6
    (kept / 'old.py').touch()
    assert torch_hub_load_uri(str(code), 'make', 3, dst_dir=str(kept)) == 6
    assert not (kept / 'old.py').exists()
    photos = tmp_path / 'photos'
    photos.mkdir()
    (photos / 'cat.png').touch()
    with pytest.raises(ConfigError, match='is not replaced'):
        torch_hub_load_uri(str(code), 'make', 3, dst_dir=str(photos))
    assert (photos / 'cat.png').exists()
    for folder in (tmp_path, code / 'inside'):
        with pytest.raises(ConfigError, match='one is in the other'):
            torch_hub_load_uri(str(code), 'make', 3, dst_dir=str(folder))
    assert (code / 'hubconf.py').is_file()
