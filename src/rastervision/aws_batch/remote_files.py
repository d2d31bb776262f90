"""Files that machines of AWS Batch have to see."""

import logging
from collections.abc import Sequence

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import is_local
from rastervision.pipeline.fingerprint import Fingerprints
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plugin_loader import is_part_of
from rastervision.pipeline.plugins import BUILTIN_PLUGINS
from rastervision.pipeline.runner.job_process import config_modules

log = logging.getLogger(__name__)


def require_remote(uri: str, what: str = 'root_uri') -> None:
    """Refuse what is on this machine.

    Args:
        uri: Path or URI.
        what: What decides where it is.

    Raises:
        ConfigError: It is a local path.
    """
    if is_local(uri):
        raise ConfigError(
            f'The machines of AWS Batch do not see {uri}; choose a {what} that they see, such as '
            's3://bucket/folder.'
        )


def check_files(pipeline: Pipeline, commands: Sequence[str]) -> None:
    """Refuse outputs on this machine, and warn of inputs, which an image may have as well.

    Raises:
        ConfigError: A command would write to a local path.
    """
    prints = Fingerprints(pipeline)
    for command in commands:
        facts = prints.facts(command)
        for output in facts.outputs if facts else ():
            require_remote(output, f'root_uri or {command}_uri')
        local = [uri for uri in (facts.inputs if facts else ()) if is_local(uri)]
        if local:
            log.warning(
                '%s reads %s; the machines of AWS Batch do not see it unless it is part of their '
                'image.',
                command.upper(),
                f'{local[0]} and {len(local) - 1} more local files' if local[1:] else local[0],
            )
            return


def own_modules(cfg_json_uri: str, pipeline: Pipeline) -> list[tuple[str, str, str]]:
    """Modules with classes of a config that are no part of Raster Vision.

    Args:
        cfg_json_uri: URI of the serialised config.
        pipeline: Its pipeline.

    Returns:
        Name and file of each, and where the jobs find a copy if it is not installed there.
    """
    folder = f'{cfg_json_uri.rpartition("/")[0]}/code'
    return [
        (name, path, f'{folder}/{name}.py')
        for name, path in config_modules(pipeline.config)
        if path is not None
        and path.endswith('.py')
        and not any(is_part_of(name, plugin) for plugin in BUILTIN_PLUGINS)
    ]
