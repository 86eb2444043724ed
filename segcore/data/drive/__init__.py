"""The embedded default dataset: a procedurally drawn drive down a street, with exact masks."""

from segcore.data.drive.cached_frames import DRAWING_VERSION, DriveRecord, records
from segcore.data.drive.frame import draw_frame

__all__ = ["DRAWING_VERSION", "DriveRecord", "draw_frame", "records"]
