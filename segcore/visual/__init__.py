"""Arrays to pictures and numbers to charts; no streamlit, no torch. Charts (which need altair) are in `.charts`."""

from segcore.visual.encode import data_uri, encode_errors, encode_jpeg, encode_layer, encode_png, layer_palette, swatch
from segcore.visual.lit import confused, encode_lit, encode_marked
from segcore.visual.overlay import contour, error_map, outlined, overlay

__all__ = [
    "confused",
    "contour",
    "data_uri",
    "encode_errors",
    "encode_jpeg",
    "encode_layer",
    "encode_lit",
    "encode_marked",
    "encode_png",
    "error_map",
    "layer_palette",
    "outlined",
    "overlay",
    "swatch",
]
