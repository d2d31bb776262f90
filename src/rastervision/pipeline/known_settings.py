"""The settings that Raster Vision reads, and what stands in the user's files beyond them."""

import logging

from rastervision.pipeline import STORE_SETTINGS, registry_, rv_config_
from rastervision.pipeline.errors import did_you_mean

log = logging.getLogger(__name__)

_SLURM_JOBS = (
    *('partition', 'account', 'qos', 'time', 'mem', 'cpus', 'gres', 'options'),
    *('preamble', 'python', 'container', 'bind'),
)
KNOWN: dict[str, tuple[str, ...]] = {
    'rv': ('cache_dir', 'cache_gb', 'streaming', 'tmp_dir'),
    'plugins': ('files', 'modules'),
    'aws_s3': (*STORE_SETTINGS['aws_s3'], 'profile'),
    'gcs': (*STORE_SETTINGS['gcs'],),
    'azure': (*STORE_SETTINGS['azure'], 'use_azure_cli'),
    'dask': ('address', 'cluster', 'cluster_options', 'workers', 'retries', 'timeout'),
    'slurm': (*_SLURM_JOBS, *(f'gpu_{key}' for key in _SLURM_JOBS), 'work_dir'),
    'batch': (
        *('cpu_job_queue', 'cpu_job_def', 'gpu_job_queue', 'gpu_job_def', 'attempts'),
        *('region', 'profile'),
    ),
}
"""Section -> its keys."""
LIKENESS = 0.8
"""How like a section of ours, from 0 to 1, one has to be called to count as misspelt."""


def warn_of_unknown_settings() -> None:
    """Warn of keys that their section does not have, and of sections that look misspelt.

    Other sections are those of plugins, which know their keys.
    """
    from difflib import get_close_matches

    declared = {  # by plugins that are loaded
        section.lower(): {key.lower() for key in keys}
        for section, keys in registry_.get_rv_config_schema().items()
    }
    for file in rv_config_.files():
        for section in dict.fromkeys(section for section, _ in file.keys):
            name = section.lower()
            near = get_close_matches(name, KNOWN, n=1, cutoff=LIKENESS)
            if near and name not in {*KNOWN, *declared}:
                log.warning(
                    '%s: nothing reads the section [%s]. Did you mean [%s]?',
                    file.path,
                    section,
                    near[0],
                )
        for section, key in file.keys:
            name = section.lower()
            valid = {*KNOWN.get(name, ()), *declared.get(name, ())}
            if name in KNOWN and key not in valid:
                hint = did_you_mean(key, valid) or f' It has: {", ".join(sorted(valid))}.'
                log.warning('%s: [%s] has no setting %s.%s', file.path, section, key, hint)
