"""The section `[batch]` of the settings."""

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError

SETTINGS = 'batch'
MAX_ATTEMPTS = 10


def place(use_gpu: bool) -> tuple[str, str]:
    """Queue and job definition for jobs that use a GPU, or for the others.

    Raises:
        ConfigError: One is not set.
    """
    setting = rv_config_.get_namespace_config(SETTINGS)
    kind = 'gpu' if use_gpu else 'cpu'
    return setting(f'{kind}_job_queue'), setting(f'{kind}_job_def')


def attempts() -> int | None:
    """How often a job is tried; None for as often as its definition says.

    Raises:
        ConfigError: AWS Batch does not try so often.
    """
    setting = rv_config_.get_namespace_config(SETTINGS)
    number: int | None = setting('attempts', parser=int, raise_error=False)
    if number is not None and not 1 <= number <= MAX_ATTEMPTS:
        raise ConfigError(
            f'The setting attempts of [{SETTINGS}] must be in 1..{MAX_ATTEMPTS}, got {number}.'
        )
    return number
