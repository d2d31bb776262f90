"""URIs in texts lose what nobody is to read, and nothing else."""

import logging
import pickle

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.logs import log_to_stderr
from rastervision.pipeline.public_text import public_text, public_uri


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('Cannot read http://me:SECRET@h:80/a?sig=SECRET: gone.', 'http://h:80/a?...: gone.'),
        ("of ['https://h/a?sig=SECRET', 's3://b/c']", "of ['https://h/a?...', 's3://b/c']"),
        ('/vsicurl/http://h/a?sig=SECRET= and more', '/vsicurl/http://h/a?... and more'),
        ('ftp://me:SECRET@h/a, ftp://h/b', 'ftp://h/a, ftp://h/b'),
        (r'"http://h/a?sig=SECRET\"', r'"http://h/a?...\"'),
        ('(http://h/a?sig=SECRET).', '(http://h/a?...).'),
        ('see http://h/a?', 'see http://h/a?'),
        ('me@h?x=1 and //h?x', 'me@h?x=1 and //h?x'),
        ('https://me:SEC/RET@h/x', 'https://h/x'),
        ('http://me:p@SECRET/w@h:9/x', 'http://h:9/x'),
        ('sftp://me@mail.org:SECRET@h/x', 'sftp://h/x'),
        ('http://me:SE?CRET@h/x?y', 'http://h/x?...'),
        ('Bad: http://me:a<SECRET"\\@h/x, is it?', 'Bad: http://h/x, is it?'),
        ('https://h/x#access_token=SECRET.', 'https://h/x#....'),
        ('https://h/x?a=b@SECRET#c', 'https://h/x?...#...'),
        ('https://tiles.example?band=1&id=a@2020', 'https://tiles.example?...'),
        ('{"a":"http://h:80/x@2x","b":"x@y"}', '{"a":"http://h:80/x@2x","b":"x@y"}'),
        ('http://[::1]:80/x@2x s3://b/x@2#3', 'http://[::1]:80/x@2x s3://b/x@2#3'),
        ('github://org:repo@main/t az://c@x/t', 'github://org:repo@main/t az://c@x/t'),
    ],
)
def test_texts(text, shown):
    assert public_text(text).endswith(shown)
    assert 'SECRET' not in public_text(text)
    assert public_text(public_text(text)) == public_text(text)


BITS = st.text('ab:/?#[]@!$&\'()*+,;=<>"\\%{}|^`~-._', max_size=6)
"""Of a password; a digit could be one of a port."""


@given(BITS, BITS, st.sampled_from(['', ':80']), st.sampled_from(['', '/', '/a@2x', '/a?b@c#d']))
def test_no_password_survives(before, after, port, path):
    password = f'{before}SECRET{after}'
    assume('://' not in password)
    assume(not ('@' in password and '?' in password))
    for user in ('', 'me', 'me@mail.org'):
        uri = f'http://{user}:{password}@h{port}{path}'
        assert 'SECRET' not in public_uri(uri)
        assert 'SECRET' not in public_text(f"Cannot read '{uri}', no.")


@given(st.text('ab?@:/.#<" ', max_size=30))
def test_a_second_time_changes_nothing(text):
    once = public_text(f'http://{text}')
    assert public_text(once) == once


def test_a_whole_uri_may_have_blanks():
    assert public_uri('http://me:p@h/a b?sig=x y') == 'http://h/a b?...'


def test_a_long_line_takes_no_time():
    text = 'a' * (1 << 20) + '://h?x'
    assert public_text(text) == text[:-1] + '...'


@pytest.mark.parametrize('kind', [ConfigError, NotReadableError])
def test_messages_of_errors_are_public(kind):
    error = kind('Bad: http://h/a?sig=SECRET.')
    assert str(error) == str(pickle.loads(pickle.dumps(error))) == 'Bad: http://h/a?....'
    assert 'SECRET' not in repr(error)


def test_the_log_is_public(capsys):
    log_to_stderr()
    error = OSError('http://h/b?sig=SECRET')
    logging.getLogger('rastervision.x').error('No %s', 'http://h/a?sig=SECRET', exc_info=error)
    err = capsys.readouterr().err
    assert 'http://h/a?...' in err
    assert 'http://h/b?...' in err
    assert 'SECRET' not in err
