"""The command line as `python -m rastervision.pipeline`."""

from rastervision.pipeline.cli import main

main(prog_name='rastervision')
