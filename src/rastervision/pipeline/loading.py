"""From a config file to pipelines that can be planned."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from rastervision.pipeline import registry_, rv_config_
from rastervision.pipeline.config_file import load_configs
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.utils import is_local
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig

CONFIG_NAME = 'pipeline-config.json'


@contextmanager
def loaded_pipelines(
    source: str, runner: str | None, args: Mapping[str, Any]
) -> Iterator[dict[str, Pipeline]]:
    """The pipelines that a file or module describes, while their temporary folders exist.

    Args:
        source: Path or URI of a .py or .json file, or the dotted path of a module.
        runner: Name of the runner, for functions that have a parameter of that name.
        args: Arguments of `get_config`; see `sweep.gather_args`.

    Yields:
        URI of the config, which need not be there yet -> pipeline with a complete, valid config.

    Raises:
        ConfigError: There are none, one is not valid, two are for the same folder, or the settings
            have a list of plugins that is none.
    """
    registry_.load_named_plugins()  # the config may take what they change
    configs = [_prepared(config) for config in load_configs(source, runner, args)]
    with ExitStack() as stack:
        pipelines: dict[str, Pipeline] = {}
        for config in configs:
            uri = config_uri(config.root_uri or '')
            if uri in pipelines:
                raise ConfigError(
                    f'Two configs of {source} would be written to {uri}; give each a root_uri of '
                    f'its own.'
                )
            pipelines[uri] = config.build(stack.enter_context(rv_config_.get_tmp_dir()))
        yield pipelines


def config_uri(root_uri: str) -> str:
    """Where the config of a run is kept: below its root, for runners and for people."""
    if is_local(root_uri):
        return str(to_path(root_uri) / CONFIG_NAME)
    return f'{root_uri.rstrip("/")}/{CONFIG_NAME}'


def _prepared(config: PipelineConfig) -> PipelineConfig:
    """A copy of a config with all defaults filled in, checked."""
    config = config.copy()
    config.update()
    config.recursive_validate_config()
    if not config.root_uri:
        raise ConfigError(f'{type(config).__name__} has no root_uri, below which outputs go.')
    return config
