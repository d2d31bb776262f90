"""Fingerprints change with what decides the result, and with nothing else."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.errors import DataError
from rastervision.pipeline.fingerprint import (
    CommandFacts,
    Fingerprint,
    Fingerprints,
    Stamps,
    digest,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=st.dictionaries(st.text(), json_values, max_size=4))
def test_a_digest_does_not_depend_on_the_order_of_keys(value):
    assert digest(value) == digest(dict(reversed(value.items())))


@pytest.mark.parametrize(
    ('one', 'other', 'same'),
    [
        ({'a': 0}, {'a': 0.0}, True),
        ([1, 2], (1.0, 2), True),
        ({'a': 0}, {'a': False}, False),
        ({'a': 0.5}, {'a': 0}, False),
        ({'a': None}, {}, False),
        ([1, 2], [2, 1], False),
    ],
)
def test_digests_of_values_that_look_alike(one, other, same):
    assert (digest(one) == digest(other)) == same


def test_a_fingerprint_covers_config_inputs_version_and_what_comes_before(
    kitchen, write, monkeypatch
):
    def prints():
        return {name: Fingerprints(pipeline).of(name).digest for name in pipeline.commands}

    def changed(change):
        before = prints()
        change()
        after = prints()
        return {name for name in before if before[name] != after[name]}

    pipeline = kitchen()
    assert len(set(prints().values())) == 4
    assert changed(lambda: None) == set()
    assert changed(pipeline.run) == set(), 'fingerprints are known before anything has run'
    assert changed(lambda: pipeline.config.recipes.update(bake='cold')) == {'bake', 'serve'}
    assert changed(lambda: write(Path(pipeline.config.pantry), 'eggs')) == set(pipeline.commands)
    version = 'rastervision.pipeline.fingerprint.version'
    assert changed(lambda: monkeypatch.setattr(version, lambda _: '99')) == set(pipeline.commands)


def test_two_roots_with_the_same_config_have_the_same_fingerprints(kitchen):
    one, two = Fingerprints(kitchen('one')), Fingerprints(kitchen('two'))
    assert one.of('serve') == two.of('serve')


def test_the_code_of_third_parties_is_a_part(kitchen):
    parts = Fingerprints(kitchen()).of('mix').parts
    assert [name for name in parts if name.endswith('conftest.py')]


def test_what_nobody_knows_has_no_fingerprint_and_neither_has_what_comes_after(kitchen):
    pipeline = kitchen()
    pipeline.unknown = {'bake'}
    prints = Fingerprints(pipeline)
    known = {name: prints.of(name) is not None for name in pipeline.commands}
    assert known == {'mix': True, 'bake': False, 'fry': False, 'serve': False}
    assert prints.upstream('fry') == ['mix', 'bake']


def test_facts_that_cannot_be_found_out_are_unknown(kitchen, monkeypatch):
    def fails(command):
        raise DataError(f'no catalogue for {command}')

    pipeline = kitchen()
    monkeypatch.setattr(pipeline, 'command_facts', fails)
    assert Fingerprints(pipeline).of('mix') is None


def test_an_input_without_a_stamp_leaves_no_digest(kitchen):
    pipeline = kitchen(pantry='nowhere/pantry.txt')
    mix = Fingerprints(pipeline).of('mix')
    assert mix.digest is None
    assert mix.change_since({}) == 'nobody can tell whether nowhere/pantry.txt changed'
    assert Fingerprints(pipeline).of('serve').digest is None


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ({'a': '1'}, {'a': '2'}, 'a changed'),
        ({}, {'a': '2'}, 'a is new'),
        ({'a': '1', 'b': '1'}, {'a': '1'}, 'b is gone'),
        ({'a': '1'}, {'a': '1'}, 'something may have changed while it ran'),
    ],
)
def test_changes_in_words(old, new, words):
    assert Fingerprint(new).change_since(old) == words


def test_stamps_of_files_and_folders(tmp_path):
    def stamp(path):
        return Stamps().of([str(path)])[str(path)]

    file = tmp_path / 'folder/below/a.txt'
    file.parent.mkdir(parents=True)
    file.write_text('a')
    before = stamp(file), stamp(tmp_path / 'folder')
    assert None not in before
    assert (stamp(file), stamp(tmp_path / 'folder')) == before
    os.utime(file, ns=(1, 1))
    assert stamp(file) != before[0]
    assert stamp(tmp_path / 'folder') != before[1]
    for missing in (tmp_path / 'nothing', '<VRT>' + 'x' * 5000, 'unknown://store/a', 'a\0b'):
        assert stamp(missing) is None


def test_lock_and_record_in_a_folder_are_no_part_of_it(tmp_path):
    (tmp_path / 'a.txt').write_text('a')
    before = Stamps().of([str(tmp_path)])
    (tmp_path / '.state').mkdir()
    (tmp_path / '.state/lock.json').write_text('{}')
    assert Stamps().of([str(tmp_path)]) == before
    (tmp_path / 'b.txt').write_text('b')
    assert Stamps().of([str(tmp_path)]) != before


def test_a_stamp_is_looked_up_once(tmp_path):
    file = tmp_path / 'a.txt'
    file.write_text('a')
    stamps = Stamps()
    before = stamps.of([str(file)])
    file.unlink()
    assert stamps.of([str(file)]) == before


def test_signed_urls_are_known_by_names_that_outlive_the_signature(kitchen, monkeypatch):
    tags = {}
    monkeypatch.setattr(Stamps, 'of', lambda _, uris: {u: tags.get(u, 'same') for u in uris})

    def mix(sig):
        url = f'http://host/eggs?sig=SECRET{sig}'
        pipeline = kitchen(pantry=url, recipes={'mix': url, 'bake': '', 'fry': '', 'serve': ''})
        return Fingerprints(pipeline).of('mix')

    before = mix(1)
    assert 'SECRET' not in str(before.parts)
    assert mix(2) == before
    tags['http://host/eggs?sig=SECRET2'] = 'other'
    assert mix(2).change_since(before.parts) == 'http://host/eggs changed'


def test_a_change_of_one_of_several_urls_with_one_name_is_noticed(kitchen, monkeypatch):
    urls = ('http://host/get?sig=1', 'http://host/get?sig=2')
    pipeline = kitchen()
    monkeypatch.setattr(type(pipeline), 'command_facts', lambda *_: CommandFacts(inputs=urls))

    def digest_with(*tags):
        monkeypatch.setattr(Stamps, 'of', lambda *_: dict(zip(urls, tags, strict=True)))
        return Fingerprints(pipeline).of('mix').digest

    assert len({digest_with(*tags) for tags in ('ab', 'cb', 'ac', 'ba', 'aa')}) == 5
    assert digest_with('a', None) is None
