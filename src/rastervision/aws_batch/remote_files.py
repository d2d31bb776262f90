"""Files that machines of AWS Batch have to see."""

import logging
from collections.abc import Sequence
from pathlib import Path

from rastervision.pipeline.code_files import code_files, import_root
from rastervision.pipeline.config_model import walk
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import is_local, upload_or_copy
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


def require_remote_outputs(pipeline: Pipeline, commands: Sequence[str]) -> None:
    """Refuse outputs on this machine.

    Raises:
        ConfigError: A command would write to a local path.
    """
    prints = Fingerprints(pipeline)
    for command in commands:
        facts = prints.facts(command)
        for output in facts.outputs if facts else ():
            require_remote(output, f'root_uri or {command}_uri')


def warn_of_local_inputs(pipeline: Pipeline, commands: Sequence[str]) -> None:
    """Warn of inputs on this machine, which an image may have as well; of one command's."""
    prints = Fingerprints(pipeline)
    for command in commands:
        facts = prints.facts(command)
        local = [uri for uri in (facts.inputs if facts else ()) if is_local(uri)]
        if local:
            more = f' and {len(local) - 1} more local files' if local[1:] else ''
            log.warning(
                '%s reads %s; the machines of AWS Batch do not see %s part of their image.',
                command.upper(),
                f'{local[0]}{more}',
                'them unless they are' if more else 'it unless it is',
            )
            return


def code_uri(cfg_json_uri: str) -> str:
    """The folder for the code of the classes of a config, beside the config."""
    return f'{cfg_json_uri.rpartition("/")[0]}/code'


def upload_code(cfg_json_uri: str, pipeline: Pipeline) -> None:
    """Copy the code of classes that are no part of Raster Vision to where jobs find it.

    Args:
        cfg_json_uri: URI of the serialised config.
        pipeline: Its pipeline.
    """
    if own_modules(pipeline):
        classes = {type(part) for _, part in walk(pipeline.config)}
        for name, path in code_files({type(pipeline), *classes}).items():
            if path is not None:
                upload_or_copy(str(path), f'{code_uri(cfg_json_uri)}/{name}')


def own_modules(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Modules with classes of a config that are no part of Raster Vision.

    Returns:
        Name of each, and its file, from the folder that its imports start from: jobs have a copy
        of that, for what is not installed there.
    """
    return [
        (name, Path(path).relative_to(import_root(name, Path(path))).as_posix())
        for name, path in config_modules(pipeline.config)
        if path is not None
        and path.endswith('.py')
        and not any(is_part_of(name, plugin) for plugin in BUILTIN_PLUGINS)
    ]
