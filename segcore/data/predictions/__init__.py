"""Predictions that other programs made: which file is of which image, and what its pixels mean."""
