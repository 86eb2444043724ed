"""Arrays to pictures and numbers to charts; no streamlit, no torch. Charts (which need altair) are in `.charts`."""

from segcore.visual.agreement import answers, together_wrong, unanimous, vote_entropy
from segcore.visual.highlight import confused, encode_lit, encode_marked
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
from segcore.visual.layers import (
    encode_band,
    encode_correctness,
    encode_disagreement,
    encode_errors,
    encode_where,
)
from segcore.visual.overlay import contour, error_map, outlined, overlay

__all__ = [
    "answers",
    "confused",
    "contour",
    "data_uri",
    "encode_band",
    "encode_correctness",
    "encode_disagreement",
    "encode_errors",
    "encode_jpeg",
    "encode_layer",
    "encode_lit",
    "encode_marked",
    "encode_plane",
    "encode_png",
    "encode_where",
    "error_map",
    "layer_palette",
    "outlined",
    "overlay",
    "shrunk",
    "swatch",
    "together_wrong",
    "unanimous",
    "vote_entropy",
]
