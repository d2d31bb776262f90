import itertools
import json
import logging
from pathlib import Path

import pytest

from rastervision.pipeline.errors import ConfigError, NotWritableError
from rastervision.pipeline.rv_config import RVConfig, load_conf_list
from rastervision.pipeline.utils import get_env_var
from rastervision.pipeline.verbosity import Verbosity

NAME = 'BATCH_GPU_JOB_QUEUE'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and working directory without settings."""
    for name in (NAME, 'RV_CONFIG', 'RV_CONFIG_DIR', 'RV_PROFILE', 'TMPDIR', 'RV_TMP_DIR'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('RV_CONFIG_DIR', str(tmp_path / 'home'))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'home').mkdir()
    return tmp_path


PLACES = ('override', 'environment', 'dotenv', 'rv_config_file', 'profile')


@pytest.mark.parametrize('places', [c for n in range(6) for c in itertools.combinations(PLACES, n)])
def test_the_first_place_wins(
    places: tuple[str, ...], alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if 'environment' in places:
        monkeypatch.setenv(NAME, 'environment')
    if 'dotenv' in places:
        (alone / '.env').write_text(f'{NAME}=dotenv\n')
    if 'rv_config_file' in places:
        (alone / 'my.ini').write_text('[batch]\ngpu_job_queue = rv_config_file\n')
        monkeypatch.setenv('RV_CONFIG', str(alone / 'my.ini'))
    if 'profile' in places:
        (alone / 'home' / 'default').write_text('[BATCH]\nGPU_JOB_QUEUE = profile\n')
    settings = RVConfig()
    settings.set_everett_config(
        config_overrides={'batch_gpu_job_queue': 'override'} if 'override' in places else None
    )
    expected = next(iter(sorted(places, key=PLACES.index)), 'default')
    batch = settings.get_namespace_config('batch')
    assert batch('gpu_job_queue', default='default') == expected
    assert settings.get_namespace_option('BATCH', 'gpu_job_queue', 'default') == expected


def test_rv_config_file_does_not_hide_other_settings_of_the_profile(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / 'home' / 'default').write_text('[a]\nx = 1\ny = 2\n')
    (alone / 'my.ini').write_text('[a]\ny = 3\n')
    monkeypatch.setenv('RV_CONFIG', str(alone / 'my.ini'))
    option = RVConfig().get_namespace_option
    assert (option('a', 'x'), option('a', 'y'), option('a', 'z')) == ('1', '3', None)


def test_profiles(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / 'home' / 'default').write_text('[a]\nx = default\n')
    (alone / 'home' / 'mine').write_text('[a]\nx = 50 % mine\n')
    (alone / 'elsewhere').mkdir()
    (alone / 'elsewhere' / 'mine').write_text('[a]\nx = elsewhere\n')

    def x(**kwargs: str) -> str:
        settings = RVConfig()
        settings.set_everett_config(**kwargs)
        return settings.get_namespace_option('a', 'x')

    assert x() == 'default'
    assert x(profile='mine') == '50 % mine'
    assert x(profile='mine', rv_home=str(alone / 'elsewhere')) == 'elsewhere'
    monkeypatch.setenv('RV_PROFILE', 'mine')
    assert x() == '50 % mine'
    assert x(profile='default') == 'default'
    (alone / '.env').write_text(f'RV_CONFIG_DIR={(alone / "elsewhere").as_posix()}\n')
    monkeypatch.delenv('RV_CONFIG_DIR')
    assert x() == 'elsewhere'


def test_missing_and_malformed_files_are_named(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alone / 'home' / 'mine').write_text('no section = 1\n')
    settings = RVConfig()
    with pytest.raises(ConfigError, match=r"no profile 'mime' in .*home\. Did you mean mine\?"):
        settings.set_everett_config(profile='mime')
    with pytest.raises(ConfigError, match=r"home.mine, line 1: 'no section = 1' stands before any"):
        settings.set_everett_config(profile='mine')
    with pytest.raises(ConfigError, match=r"no profile 'x' in .*void\. There are no profiles"):
        settings.set_everett_config(profile='x', rv_home=str(alone / 'void'))
    (alone / 'home' / 'mine').write_bytes(b'\xff')
    with pytest.raises(ConfigError, match=r'Cannot read the settings in .*mine'):
        settings.set_everett_config(profile='mine')
    (alone / '.env').write_bytes(b'\xff')
    with pytest.raises(ConfigError, match=r'Cannot read the settings in \.env'):
        settings.set_everett_config()
    (alone / '.env').unlink()
    monkeypatch.setenv('RV_CONFIG', 'absent.ini')
    with pytest.raises(ConfigError, match=r'RV_CONFIG names absent\.ini: no such file'):
        settings.set_everett_config()


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('garbage', "line 1: 'garbage' is neither a [SECTION] nor key = value."),
        ('[a]\nx = 1\ngarbage\nmore', "line 3: 'garbage' is neither a [SECTION] nor key = value."),
        ("[a]\nit's", 'line 2: "it\'s" is neither a [SECTION] nor key = value.'),
        ('[a]\n= 1', "line 2: '= 1' is neither a [SECTION] nor key = value."),
        ('# x\nx = 1', "line 2: 'x = 1' stands before any [SECTION]."),
        ('[a]\nx = 1\nX = 2', 'line 3: x is twice in [a].'),
        ('[a]\n[a]', 'line 2: [a] is there twice.'),
    ],
)
def test_a_malformed_profile_is_one_line(alone: Path, text: str, fault: str) -> None:
    path = alone / 'home' / 'default'
    path.write_text(f'{text}\n')
    with pytest.raises(ConfigError) as caught:
        RVConfig().set_everett_config()
    assert str(caught.value) == f'{path}, {fault}'


def test_values_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_S3_REQUESTER_PAYS', 'False')
    monkeypatch.setenv('BATCH_ATTEMPTS', '5')
    monkeypatch.setenv('BATCH_ODD', 'five')
    settings = RVConfig()
    batch = settings.get_namespace_config('batch')
    assert settings.get_namespace_option('AWS_S3', 'requester_pays', as_bool=True) is False
    assert settings.get_namespace_option('AWS_S3', 'absent', True, as_bool=True) is True
    assert batch('attempts', parser=int) == 5
    assert batch('absent', default='7', parser=int) == 7
    assert batch('absent', default=None) is None
    assert batch('absent', raise_error=False) is None
    assert settings.get_namespace_config('aws_s3')('requester_pays', parser=bool) is False
    with pytest.raises(ConfigError, match=r"'absent' of section \[batch\].*Set BATCH_ABSENT"):
        batch('absent')
    with pytest.raises(ConfigError, match=r"BATCH_ODD has the value 'five': invalid literal"):
        batch('odd', parser=int)
    with pytest.raises(ConfigError, match=r"'five' is not a boolean; write True or False"):
        settings.get_namespace_option('batch', 'odd', as_bool=True)


@pytest.mark.parametrize('word', ['True', 'yes', '1', 'on', ' T '])
def test_true_words(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('RV_WORD', word)
    assert get_env_var('RV_WORD', out_type=bool) is True
    assert get_env_var('RV_WORD') == word
    assert get_env_var('RV_NO_WORD', default=3) == 3


def test_settings_travel_and_come_back(alone: Path) -> None:
    (alone / 'home' / 'default').write_text('[batch]\ngpu_job_queue = q\nattempts = 2\n')
    there = RVConfig()
    travelling = there.get_config_dict({'batch': ['gpu_job_queue', 'cpu_job_queue']})
    assert travelling == {NAME: 'q'}
    here = RVConfig()
    here.set_everett_config(rv_home=str(alone / 'void'), config_overrides=travelling)
    assert here.get_namespace_option('batch', 'gpu_job_queue') == 'q'
    assert here.get_namespace_option('batch', 'attempts') is None


def test_child_processes_take_over(alone: Path) -> None:
    (alone / 'home' / 'mine').write_text('[a]\nx = mine\n')
    parent, child = RVConfig(), RVConfig()
    parent.set_everett_config(profile='mine', config_overrides={'a_y': 'override'})
    parent.set_tmp_dir_root(str(alone / 'tmp'))
    child.take_over(json.loads(json.dumps(parent.hand_over())))
    assert child.get_namespace_option('a', 'x') == 'mine'
    assert child.get_namespace_option('a', 'y') == 'override'
    assert child.get_tmp_dir_root() == str(alone / 'tmp')


@pytest.mark.parametrize(
    ('text', 'items'),
    [
        ('', []),
        ('a.py', ['a.py']),
        ('a.py, b.py,', ['a.py', 'b.py']),
        ('[]', []),
        ('["a.b", "c"]', ['a.b', 'c']),
        ("['a']", ['a']),
        (['a'], ['a']),
    ],
)
def test_lists(text: str, items: list[str]) -> None:
    assert load_conf_list(text) == items


def test_malformed_lists() -> None:
    with pytest.raises(ConfigError, match=r'separate the items with commas'):
        load_conf_list('[a, b')


def test_tmp_dir_root(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / 'home' / 'default').write_text(f'[RV]\ntmp_dir = {alone / "profile"}\n')
    settings = RVConfig()
    assert settings.get_tmp_dir_root() == str(alone / 'profile')
    monkeypatch.setenv('TMPDIR', str(alone / 'env'))
    assert settings.get_tmp_dir_root() == str(alone / 'env')
    settings.set_tmp_dir_root(str(alone / 'option ü'))
    assert settings.get_tmp_dir_root() == str(alone / 'option ü')
    with settings.get_tmp_dir() as path:
        assert Path(path).parent == alone / 'option ü'
    assert not Path(path).exists()
    settings.set_tmp_dir_root()
    assert settings.get_tmp_dir_root() == str(alone / 'env')


def test_cache_dir_is_one_per_process(alone: Path) -> None:
    settings = RVConfig()
    settings.set_tmp_dir_root(str(alone / 't'))
    assert settings.get_cache_dir() is settings.get_cache_dir()
    settings.get_cache_dir().cleanup()


def test_unusable_tmp_dir_is_named(alone: Path) -> None:
    (alone / 'file').write_text('')
    settings = RVConfig()
    settings.set_tmp_dir_root(str(alone / 'file'))
    with pytest.raises(NotWritableError, match=r'temporary folder in .*file .*--tmpdir.*TMPDIR'):
        settings.get_tmp_dir()


@pytest.mark.parametrize(
    ('value', 'verbosity', 'option', 'level'),
    [
        (Verbosity.QUIET, Verbosity.QUIET, '', logging.WARNING),
        (1, Verbosity.NORMAL, '', logging.INFO),
        (2, Verbosity.VERBOSE, '-v', logging.DEBUG),
        (3, Verbosity.VERY_VERBOSE, '-vv', logging.DEBUG),
        (99, Verbosity.DEBUG, '-vvv', logging.DEBUG),
    ],
)
def test_verbosity(value: int, verbosity: Verbosity, option: str, level: int) -> None:
    logger = logging.getLogger('rastervision')
    before = logger.level
    settings = RVConfig()
    assert settings.get_verbosity() is Verbosity.NORMAL
    settings.set_verbosity(value)
    assert settings.get_verbosity() is verbosity
    assert settings.get_verbosity_cli_opt() == option
    assert logger.level == level
    logger.setLevel(before)
    assert Verbosity.get() in set(Verbosity)
