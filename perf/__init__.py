"""Measurements: quality, stages, streaming. Every figure in the docs comes from a file written here."""
