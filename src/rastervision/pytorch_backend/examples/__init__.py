"""Pipelines to run, read and start from."""
