"""Processes are known by machine, namespace, number and start."""

import os
import subprocess
import sys

import pytest
from waiting import started

from rastervision.pipeline import process
from rastervision.pipeline.process import lives_here, process_start, this_process

has_starts = pytest.mark.skipif(process_start(os.getpid()) is None, reason='no start times here')


def test_processes_are_told_by_their_start():
    mine = process_start(os.getpid())
    assert mine == process_start(os.getpid())
    if mine is not None:
        assert process_start(1) != mine
    if sys.platform != 'win32':
        assert process_start(2**22 + 1) == ''


@has_starts
@pytest.mark.parametrize(
    ('differs', 'lives'),
    [
        ({}, True),
        ({'run': 'r1', 'interval': 10}, True),
        ({'pid': 2**22 + 1}, False),
        ({'pid': 2**80}, False),
        ({'pid': 0}, False),
        ({'started': 'long ago'}, False),
        ({'host': 'elsewhere'}, None),
        ({'boot': 'the one before'}, None),
        ({'pids': 'pid:[1]'}, None),
        ({'started': None}, None),
        ({'pid': 'x'}, None),
        ({'pid': None}, None),
    ],
)
def test_a_process_lives_here_if_all_of_its_names_are_those_of_one(differs, lives):
    assert lives_here({**this_process(), **differs}) is lives


def test_what_does_not_name_its_machine_is_not_known():
    assert lives_here({}) is None
    named = this_process()
    del named['pids']
    assert lives_here(named) is None


@pytest.mark.skipif(sys.platform != 'linux', reason='where /proc may hide processes')
@pytest.mark.parametrize('error', [None, PermissionError, ProcessLookupError])
def test_a_process_that_is_hidden_is_not_taken_for_gone(monkeypatch, error):
    """Of other users, one may see that there is a process, but not which one."""

    def signalled(pid, number):
        assert (pid, number) == (named['pid'], 0)
        if error is not None:
            raise error

    def hidden(path, **kwargs):
        raise FileNotFoundError(path)

    named = this_process()
    monkeypatch.setattr(process.os, 'kill', signalled)
    monkeypatch.setattr(process, '_machine', lambda: named)
    monkeypatch.setattr(process.Path, 'read_text', hidden)
    assert lives_here(named) is (False if error is ProcessLookupError else None)


@pytest.mark.skipif(sys.platform != 'linux', reason='where zombies are in /proc')
def test_a_process_that_nobody_has_waited_for_is_gone():
    with started([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) as child:
        named = {**this_process(), 'pid': child.pid, 'started': process_start(child.pid)}
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert lives_here(named) is False


@has_starts
def test_a_process_that_has_ended_is_gone():
    with started([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) as child:
        named = {**this_process(), 'pid': child.pid, 'started': process_start(child.pid)}
        assert lives_here(named)
        child.communicate(b'\n')
    assert lives_here(named) is False


@pytest.mark.skipif(sys.platform == 'win32', reason='the double of ps is a shell script')
def test_starts_do_not_depend_on_language_and_time_zone(tmp_path, monkeypatch):
    """Where `ps` tells the start, in words: of the machine, not of who asks."""
    (tmp_path / 'ps').write_text('#!/bin/sh\necho "$LC_ALL $TZ"\n')
    (tmp_path / 'ps').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setattr(process.sys, 'platform', 'darwin')
    told = set()
    for language, zone in (('C', 'UTC'), ('de_DE.UTF-8', 'Europe/Berlin')):
        monkeypatch.setenv('LC_ALL', language)
        monkeypatch.setenv('TZ', zone)
        told.add(process_start(1))
    assert len(told) == 1
