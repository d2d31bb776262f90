"""Which GPUs there are, found without a library that would take hold of them."""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.rv_config import get_env_var

VISIBLE = 'CUDA_VISIBLE_DEVICES'
"""The environment variable with the GPUs that a process may use."""

DRIVER_FOLDER = Path('/proc/driver/nvidia/gpus')
ASK_SECONDS = 20.0
_UUID = re.compile(r'\b(?:GPU|MIG)-[0-9A-Za-z/-]+')


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` takes them.

    They are those of that variable if it is set, else those that the driver lists.
    """
    listed = get_env_var(VISIBLE)
    if listed is not None:
        return _of_variable(listed)
    try:
        answer = subprocess.run(
            ['nvidia-smi', '-L'],  # noqa: S607 (wherever it is installed)
            capture_output=True,
            text=True,
            check=True,
            timeout=ASK_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        files = sorted(DRIVER_FOLDER.glob('*/information'))
        return _uuids(line for file in files for line in file.read_text().splitlines())
    return _uuids(answer.stdout.splitlines())


def use_gpus(listed: str) -> None:
    """Let this process, and those that it starts, see some of the GPUs that it sees now.

    Args:
        listed: Their numbers in `visible_gpus`, or their names, with commas; '' for none.

    Raises:
        ConfigError: One is not there.
    """
    known = visible_gpus()
    chosen = [_find(name.strip(), known) for name in listed.split(',')] if listed.strip() else []
    os.environ[VISIBLE] = ','.join(dict.fromkeys(chosen))


def _find(name: str, known: Sequence[str]) -> str:
    if name in known and not name.isdecimal():
        return name
    if name.isdecimal() and int(name) < len(known):
        return known[int(name)]
    there = f'use 0 to {len(known) - 1}, or a name of "nvidia-smi -L"' if known else 'there is none'
    raise ConfigError(f'--gpus: there is no GPU {name!r} that this process sees; {there}.')


def _of_variable(listed: str) -> list[str]:
    """The devices of a list such as '0,2'; one that is not valid ends it, as for CUDA."""
    names: list[str] = []
    for name in (part.strip() for part in listed.split(',')):
        if not name or name.startswith('-'):
            break
        names.append(name)
    return names


def _uuids(lines: Iterable[str]) -> list[str]:
    """The UUIDs in a listing; of a GPU that is cut into MIG devices, those of the devices.

    Numbers would not do: CUDA counts GPUs in another order than the driver.
    """
    gpus: list[list[str]] = []
    for uuid in (match[0] for line in lines for match in _UUID.finditer(line)):
        if uuid.startswith('GPU'):
            gpus.append([uuid])
        elif gpus:
            gpus[-1].append(uuid)
    return [uuid for gpu, *parts in gpus for uuid in (parts or [gpu])]


def least_used(gpus: Iterable[str], used: Iterable[str | None]) -> str:
    """The GPU that the fewest of the running jobs use, the first one among equals."""
    busy = list(used)
    return min(gpus, key=busy.count)
