"""Arrays to pictures and numbers to charts; no streamlit, no torch. Charts (which need altair) are in `.charts`."""

from segcore.visual.agreement import answers, together_wrong, unanimous, vote_entropy
from segcore.visual.highlight import encode_highlight, encode_mistake, mistake_mask
from segcore.visual.image_encoding import (
    data_uri,
    encode_jpeg,
    encode_layer,
    encode_plane,
    encode_png,
    layer_palette,
    shrunk,
    swatch,
)
from segcore.visual.layers import encode_band, encode_correctness, encode_disagreement, encode_errors, encode_where
from segcore.visual.overlay import contour, error_map, outlined, overlay

__all__ = [
    "answers", "contour", "data_uri", "encode_band", "encode_correctness", "encode_disagreement", "encode_errors",
    "encode_highlight", "encode_jpeg", "encode_layer", "encode_mistake", "encode_plane", "encode_png",
    "encode_where", "error_map", "layer_palette", "mistake_mask", "outlined", "overlay", "shrunk", "swatch",
    "together_wrong", "unanimous", "vote_entropy",
]  # fmt: skip
