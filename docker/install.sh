#!/bin/sh
# What the images have, in two steps: the pinned dependencies, then Raster Vision itself.
# CI takes the same steps. Takes uv, and is run at the root of the repository:
#   docker/install.sh PYTHON dependencies
#   docker/install.sh PYTHON package
set -eu
python=$1
case $2 in
  dependencies)
    uv pip install --python "$python" --requirement pyproject.toml --constraint requirements/dev.txt \
      --extra aws --extra batch --extra dask --extra parquet --extra stac --extra xarray
    ;;
  package)
    uv pip install --python "$python" --no-deps .
    ;;
  *)
    echo "usage: docker/install.sh PYTHON dependencies|package" >&2
    exit 2
    ;;
esac
