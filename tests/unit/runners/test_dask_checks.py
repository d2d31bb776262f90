"""What workers have to have before anything runs."""

import os
import signal
import sys
from types import SimpleNamespace

import pytest

from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.runners.dask_checks import check_versions, check_workers
from rastervision.runners.dask_worker import Sight, look


class Client:
    """A client of a cluster with one worker, which answers as it is told."""

    scheduler = SimpleNamespace(address='tcp://head:8786')

    def __init__(self, answer):
        self.answer = answer

    def sync(self, method, *args, callback_timeout, **kwargs):
        assert callback_timeout == 60
        return method(*args, **kwargs)

    def run(self, function, *args, on_error):
        assert on_error == 'return'
        return {'tcp://node:1': self.answer(function, *args)}

    def get_versions(self):
        return self.answer()


def test_a_worker_that_shares_the_folders_fits(tmp_path):
    check_workers(Client(lambda function, tokens: function(tokens)), 60, [str(tmp_path)])
    assert list(tmp_path.iterdir()) == [], 'what the check has written is gone'


def test_look_tells_what_is_wrong_with_a_folder(tmp_path):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'token').write_text('another token')
    (tmp_path / 'file').touch()
    missing, other, file = (str(tmp_path / name) for name in ('missing', 'other', 'file'))
    sight = look({missing: 'token', other: 'token', file: 'token'})
    assert sight.blind == {
        missing: 'is not there',
        other: 'is another folder there',
        file: 'cannot be used there (Not a directory)',
    }


def test_a_worker_on_another_machine_without_the_folder_is_refused(tmp_path):
    def elsewhere(function, tokens):
        return Sight('node7', function({}).version, dict.fromkeys(tokens, 'is not there'))

    with pytest.raises(ConfigError) as caught:
        check_workers(Client(elsewhere), 60, [str(tmp_path)])
    assert str(caught.value) == (
        f'The dask worker tcp://node:1 on node7 does not see {tmp_path}: it is not there. Choose a '
        'root_uri that all machines share, such as the absolute path of a folder of a network file '
        'system, or s3://bucket/path.'
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('answer', 'message'),
    [
        (ModuleNotFoundError("No module\nnamed 'rastervision'"), 'cannot use Raster Vision: .*'),
        (Sight('node7', '0.31.1', {}), 'has Raster Vision 0.31.1, this machine '),
    ],
)
def test_a_worker_without_our_version_is_refused(answer, message):
    with pytest.raises(ConfigError, match=message):
        check_workers(Client(lambda *_: answer), 60, [])


def versions(python, distributed):
    return {'packages': {'python': python, 'distributed': distributed, 'numpy': '2.0'}}


def test_versions_of_all_parts_are_compared():
    own = versions('3.11.4.final.0', '2026.8.0')
    patched = versions('3.11.9.final.0', '2026.8.0')
    found = {'client': own, 'scheduler': patched, 'workers': {'tcp://node:1': patched}}
    check_versions(Client(lambda: found), 60)
    found['workers']['tcp://node:2'] = versions('3.12.1.final.0', '2026.8.0')
    with pytest.raises(ConfigError, match=r'worker tcp://node:2 has Python 3\.12 and '):
        check_versions(Client(lambda: found), 60)
    found['scheduler'] = versions('3.11.4.final.0', '2025.9.0')
    with pytest.raises(ConfigError, match=r'8786 has other .* its scheduler has .* 2025\.9\.0, we'):
        check_versions(Client(lambda: found), 60)


@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
def test_a_worker_that_is_stopped_is_not_waited_for_in_vain(tmp_path):
    distributed = pytest.importorskip('distributed')
    options = {'nthreads': 1, 'memory_limit': 0, 'dashboard': False, 'host': '127.0.0.1'}
    workers = {
        0: {'cls': distributed.Nanny, 'options': {**options, 'local_directory': str(tmp_path)}}
    }
    scheduler = {
        'cls': distributed.Scheduler,
        'options': {'host': '127.0.0.1', 'dashboard': False, 'dashboard_address': '127.0.0.1:0'},
    }
    with (
        distributed.SpecCluster(workers, scheduler) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        check_versions(client, 60)
        check_workers(client, 60, [str(tmp_path)])
        (pid,) = client.run(os.getpid).values()
        os.kill(pid, signal.SIGSTOP)
        try:
            for check in (check_versions, lambda *args: check_workers(*args, [str(tmp_path)])):
                with pytest.raises(StageError, match=r'gives no answer within 0\.5 seconds'):
                    check(client, 0.5)
        finally:
            os.kill(pid, signal.SIGCONT)
