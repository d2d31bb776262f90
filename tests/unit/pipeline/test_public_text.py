"""URIs in texts lose what nobody is to read, and nothing else."""

import logging
import pickle

import pytest
from hypothesis import given
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
    ],
)
def test_texts(text, shown):
    assert public_text(text).endswith(shown)
    assert 'SECRET' not in public_text(text)
    assert public_text(public_text(text)) == public_text(text)


@given(st.text('ab?@:/. ', max_size=30))
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
