"""Bundles: what goes in comes out, and what must not get in stays out."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core import bundle
from rastervision.pipeline.errors import DataError, NotReadableError

NAMES = st.lists(
    st.text('abcXYZ019-_ äß', min_size=1, max_size=8).filter(lambda n: n.strip() == n),
    min_size=1,
    max_size=3,
).map('/'.join)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()
    }


def make(path: Path, members: dict[str, bytes], **info: int) -> Path:
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as zf:
        for name, data in members.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            for key, value in info.items():
                setattr(member, key, value)
            zf.writestr(member, data)
    return path


@settings(max_examples=25, deadline=None)
@given(files=st.dictionaries(NAMES, st.binary(max_size=50), min_size=1, max_size=4))
def test_what_is_written_is_extracted(tmp_path_factory, files):
    lowered = [n.lower() for n in files]
    parents = {'/'.join(n.split('/')[:i]) for n in lowered for i in range(1, n.count('/') + 1)}
    if len(set(lowered)) < len(files) or parents & set(lowered) or bundle.MANIFEST in lowered:
        return
    tmp = tmp_path_factory.mktemp('b')
    bundle.write_bundle(str(tmp / 'b.zip'), files)
    out = tree(bundle.extract_bundle(tmp / 'b.zip', tmp / 'out'))
    manifest = json.loads(out.pop(bundle.MANIFEST))
    assert out == files
    assert manifest['files'].keys() == files.keys()


def test_the_same_content_gives_the_same_bytes(tmp_path):
    (tmp_path / 'w').write_bytes(b'weights')
    files = {'model.safetensors': str(tmp_path / 'w'), 'a/config.json': b'{}'}
    bundle.write_bundle(str(tmp_path / '1.zip'), files)
    bundle.write_bundle(str(tmp_path / '2.zip'), dict(reversed(files.items())))
    assert (tmp_path / '1.zip').read_bytes() == (tmp_path / '2.zip').read_bytes()


def test_a_bundle_without_manifest_loads(tmp_path):
    path = make(tmp_path / 'old.zip', {'model.pth': b'x'})
    assert tree(bundle.extract_bundle(path, tmp_path / 'out')) == {'model.pth': b'x'}


def rewrite(path: Path, change: dict[str, bytes | None]) -> None:
    """Change members of a zip file; None takes one out."""
    with zipfile.ZipFile(path) as zf:
        members = {name: zf.read(name) for name in zf.namelist()}
    members |= {name: data for name, data in change.items() if data is not None}
    make(path, {n: d for n, d in members.items() if change.get(n, b'') is not None})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'a.json': b'{"b": 1}'}, 'a.json .* differs from the digest'),
        ({'a.json': None}, 'a.json .* is missing'),
        ({'modules/evil.py': b''}, 'modules/evil.py .* is not listed'),
        ({bundle.MANIFEST: b'[]'}, 'manifest.json .* cannot be read'),
        ({bundle.MANIFEST: b'{'}, 'manifest.json .* cannot be read'),
    ],
)
def test_a_changed_bundle_is_refused_and_leaves_nothing(tmp_path, change, message):
    path = tmp_path / 'b.zip'
    bundle.write_bundle(str(path), {'a.json': b'{}', 'model.safetensors': b'w'})
    rewrite(path, change)
    with pytest.raises(DataError, match=message):
        bundle.extract_bundle(path, tmp_path / 'out')
    assert [p.name for p in tmp_path.iterdir()] == ['b.zip']


@pytest.mark.parametrize(
    'name', ['../evil', '/evil', 'a/../../evil', 'C:/evil', 'a\\..\\evil', '..']
)
def test_members_do_not_leave_the_folder(tmp_path, name):
    folder = tmp_path / 'in'
    folder.mkdir()
    path = make(folder / 'b.zip', {'ok': b'', name: b'x'})
    with pytest.raises(DataError, match='outside its folder'):
        bundle.extract_bundle(path, folder / 'out')
    assert tree(tmp_path) == {'in/b.zip': path.read_bytes()}


def test_links_are_refused(tmp_path):
    path = make(tmp_path / 'b.zip', {'link': b'/etc/passwd'}, external_attr=0o120777 << 16)
    with pytest.raises(DataError, match='link'):
        bundle.extract_bundle(path, tmp_path / 'out')


def test_names_that_differ_by_case_are_refused(tmp_path):
    path = make(tmp_path / 'b.zip', {'a': b'', 'A': b''})
    with pytest.raises(DataError, match='over another file'):
        bundle.extract_bundle(path, tmp_path / 'out')


def test_a_zip_bomb_is_refused(tmp_path):
    path = make(tmp_path / 'b.zip', {'zeros': bytes(bundle.FREE_BYTES + 2**25)})
    with pytest.raises(DataError, match='would grow'):
        bundle.extract_bundle(path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, 'MAX_FILES', 3)
    path = make(tmp_path / 'b.zip', {str(i): b'' for i in range(4)})
    with pytest.raises(DataError, match='4 files'):
        bundle.open_bundle(path)


def test_damaged_data_is_refused(tmp_path):
    path = make(tmp_path / 'b.zip', {'a': bytes(range(256)) * 50})
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r'a in model bundle .* is damaged'):
        bundle.extract_bundle(path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('content', [b'', b'no zip', b'PK\x03\x04 truncated'])
def test_what_is_not_a_zip_file_is_refused(tmp_path, content):
    path = tmp_path / 'b.zip'
    path.write_bytes(content)
    with pytest.raises(DataError, match='not a model bundle'):
        bundle.extract_bundle(path, tmp_path / 'out')


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(NotReadableError, match=r'none\.zip'):
        bundle.extract_bundle(tmp_path / 'none.zip', tmp_path / 'out')


def test_required_files_are_named(tmp_path):
    path = make(tmp_path / 'b.zip', {'a': b''})
    with pytest.raises(DataError, match='no b and no c'):
        bundle.extract_bundle(path, tmp_path / 'out', required=['a', 'b', 'c'])


def inner_zip(tmp_path: Path, members: dict[str, bytes]) -> bytes:
    return make(tmp_path / 'inner.zip', members).read_bytes()


CONFIG = json.dumps({'model': {'external_def': {'github_repo': 'a/b'}}}).encode()
NO_CODE = json.dumps({'model': {'external_def': None}, 'solver': {}}).encode()


@pytest.mark.parametrize(
    ('members', 'expected'),
    [
        ({'model.safetensors': b'', 'learner-config.json': NO_CODE}, False),
        ({'modules/net/hubconf.py': b''}, True),
        ({'modules/net/weights.bin': b''}, True),
        ({'transforms.py': b''}, True),
        ({'learner-config.json': CONFIG}, True),
    ],
)
def test_code_is_found_in_learner_and_pipeline_bundles(tmp_path, members, expected):
    path = make(tmp_path / 'learner.zip', members)
    outer = make(tmp_path / 'outer.zip', {bundle.MODEL_BUNDLE: inner_zip(tmp_path, members)})
    for uri in (path, outer):
        assert bundle.carries_code(uri) is expected
        bundle.require_trust(uri, trust_code=True)
        if expected:
            with pytest.raises(DataError, match='--trust-code'):
                bundle.require_trust(uri, trust_code=False)
        else:
            bundle.require_trust(uri, trust_code=False)


def test_a_broken_inner_bundle_is_named(tmp_path):
    path = make(tmp_path / 'outer.zip', {bundle.MODEL_BUNDLE: b'no zip'})
    with pytest.raises(DataError, match=r'model-bundle.zip in model bundle .* is damaged'):
        bundle.carries_code(path)


def test_the_digest_is_that_of_the_content(tmp_path, monkeypatch):
    bundle.write_bundle(str(tmp_path / '1.zip'), {'w.pth': b'1', 'c.json': b'{}'})
    bundle.write_bundle(str(tmp_path / '2.zip'), {'w.pth': b'2', 'c.json': b'{}'})
    monkeypatch.setattr(bundle, 'version', lambda _: '99.0')
    bundle.write_bundle(str(tmp_path / '3.zip'), {'c.json': b'{}', 'w.pth': b'1'})
    one, two, three = (bundle.bundle_digest(tmp_path / f'{i}.zip') for i in (1, 2, 3))
    assert one == three != two
    old = make(tmp_path / 'old.zip', {'w.pth': b'1'})
    assert bundle.bundle_digest(old) == bundle.file_digest(old)[1]
