"""Models and losses from code outside of this package, through a `hubconf.py`."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError

NonEmptyStr = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
GithubRepo = Annotated[str, StringConstraints(strip_whitespace=True, pattern='.+/.+')]


@register_config('external-module')
class ExternalModuleConfig(Config):
    """Code that makes a model or a loss, as torch.hub understands it."""

    uri: NonEmptyStr | None = Field(
        None,
        description='Folder or zip file with a hubconf.py. Give this or github_repo.',
    )
    github_repo: GithubRepo | None = Field(
        None,
        description='GitHub repository with a hubconf.py, as owner/name or owner/name:reference.',
    )
    name: NonEmptyStr | None = Field(
        None,
        description='Name of the folder in modules/ that keeps the code. '
        'By default, made from uri or github_repo.',
    )
    entrypoint: str = Field(
        ..., description='Name of a callable in hubconf.py that returns the module.'
    )
    entrypoint_args: list[Any] = Field([], description='Positional arguments of the entrypoint.')
    entrypoint_kwargs: dict[str, Any] = Field({}, description='Its keyword arguments.')
    force_reload: bool = Field(
        False,
        description='Fetch the code again even when modules/ already has it. A local uri is '
        'always copied again.',
    )

    @model_validator(mode='after')
    def _check_source(self) -> Self:
        if (self.uri is None) == (self.github_repo is None):
            given = 'both' if self.uri else 'neither'
            raise ConfigError(
                f'An external module needs either uri or github_repo, got {given} '
                f"(entrypoint '{self.entrypoint}')."
            )
        return self

    def validate_config(self) -> None:
        from rastervision.pytorch_learner.utils.torch_hub import is_folder_name

        if self.name is not None and not is_folder_name(self.name):
            raise ConfigError(
                f"name='{self.name}' of an external module has to be the name of a folder in "
                'modules/, not a path.'
            )

    def build(self, save_dir: str | None = None, hubconf_dir: str | None = None) -> Any:
        """Run the entrypoint.

        Args:
            save_dir: Folder under which the code is kept, in a folder of its own. By default, code
                from a local folder is run where it lies and other code in a temporary folder.
            hubconf_dir: Folder with the code, when it was fetched before; `uri` and
                `github_repo` are then not looked at.

        Returns:
            What the entrypoint returns: a model or a loss.

        Raises:
            ConfigError: If the code or the entrypoint is missing, or the entrypoint fails.
        """
        from rastervision.pytorch_learner.utils.torch_hub import (
            get_hubconf_dir_from_cfg,
            has_hubconf,
            torch_hub_load_github,
            torch_hub_load_local,
            torch_hub_load_uri,
        )

        args: list[Any] = self.entrypoint_args
        kwargs: dict[str, Any] = self.entrypoint_kwargs
        if hubconf_dir is not None:
            return torch_hub_load_local(hubconf_dir, self.entrypoint, *args, **kwargs)
        self.validate_config()
        dst_dir = None if save_dir is None else get_hubconf_dir_from_cfg(self, save_dir)
        is_local_folder = self.uri is not None and Path(self.uri).is_dir()
        if dst_dir and not is_local_folder and not self.force_reload and has_hubconf(dst_dir):
            return torch_hub_load_local(dst_dir, self.entrypoint, *args, **kwargs)
        load = torch_hub_load_github if self.uri is None else torch_hub_load_uri
        source = self.uri or self.github_repo or ''
        return load(source, self.entrypoint, *args, dst_dir=dst_dir, **kwargs)

    def wrong_kind(self, made: object, wanted: str) -> ConfigError:
        """The error that the entrypoint has returned something else than is wanted of it."""
        return ConfigError(
            f"The entrypoint '{self.entrypoint}' of {self.uri or self.github_repo} returned "
            f'{made!r:.60} ({type(made).__name__}) instead of {wanted}.'
        )
