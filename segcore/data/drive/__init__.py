"""The embedded default dataset: a procedurally drawn ride down a street, with exact masks."""

from segcore.data.drive.frame import draw_frame
from segcore.data.drive.record import DRAWING_VERSION, DriveRecord, records

__all__ = ["DRAWING_VERSION", "DriveRecord", "draw_frame", "records"]
