"""A backend for Raster Vision, as a plugin."""
