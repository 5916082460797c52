"""Reading and writing photographs without losing anything."""

from deblurcli.images.formats import (
    CAMERA_RAW,
    READABLE,
    WRITABLE,
    format_for,
    is_image_name,
    suffix_for,
)
from deblurcli.images.photo import Cicp, JpegCoding, Metadata, Photo, Text
from deblurcli.images.read import read_photo
from deblurcli.images.write import OutputExists, encode_photo, write_files, write_photo

__all__ = [
    "CAMERA_RAW",
    "READABLE",
    "WRITABLE",
    "Cicp",
    "JpegCoding",
    "Metadata",
    "OutputExists",
    "Photo",
    "Text",
    "encode_photo",
    "format_for",
    "is_image_name",
    "read_photo",
    "suffix_for",
    "write_files",
    "write_photo",
]
