"""Files that are no photograph deblur reads, by the names their users know them by."""

from __future__ import annotations

TO_CONVERT = "convert it to PNG, TIFF or JPEG first"
TO_DEVELOP = "develop it to TIFF or JPEG first"
_TO_EXTRACT = "save a picture from it first"
_TO_DOWNLOAD = "download the photo again"
# What a file begins with, what it is, and what to do with it.
_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\x0a", "a JPEG XL picture", TO_CONVERT),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", TO_CONVERT),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", TO_CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", TO_CONVERT),
    (b"II\xbc", "a JPEG XR picture", TO_CONVERT),
    (b"8BPS", "a Photoshop document", TO_CONVERT),
    (b"gimp xcf", "a GIMP document", TO_CONVERT),
    (b"v/1\x01", "an OpenEXR picture", TO_CONVERT),
    (b"#?RADIANCE", "a Radiance HDR picture", TO_CONVERT),
    (b"#?RGBE", "a Radiance HDR picture", TO_CONVERT),
    (b"qoif", "a QOI picture", TO_CONVERT),
    (b"\x8bJNG\r\n\x1a\n", "a JNG picture", TO_CONVERT),
    (b"\x8aMNG\r\n\x1a\n", "a MNG animation", _TO_EXTRACT),
    (b"\0\0\1\0", "an icon", TO_CONVERT),
    (b"DDS ", "a DDS texture", TO_CONVERT),
    (b"SIMPLE  =", "a FITS file", TO_CONVERT),
    (b"FUJIFILMCCD-RAW", "a camera raw file", TO_DEVELOP),
    (b"IIRO", "a camera raw file", TO_DEVELOP),
    (b"IIU\0", "a camera raw file", TO_DEVELOP),
    (b"FOVb", "a camera raw file", TO_DEVELOP),
    (b"%PDF-", "a PDF document", _TO_EXTRACT),
    (b"%!PS", "a PostScript document", TO_CONVERT),
    (b"PK\3\4", "a ZIP archive", "unpack it first"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"Rar!\x1a\7", "a RAR archive", "unpack it first"),
    (b"\x1aE\xdf\xa3", "a film", _TO_EXTRACT),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the photo itself: git lfs pull"),
    (b"bplist", "a property list", _TO_DOWNLOAD),
)
_PORTABLE = tuple(b"P%d" % number + space for number in range(1, 8) for space in (b"\n", b" ", b"\r", b"\t"))
_FILMS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4", b"3gp5"}
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body")


def kind_by_beginning(head: bytes) -> tuple[str, str] | None:
    """What a file is by its first bytes, such as "a JPEG XL picture", and what to do with it; None if nobody knows."""
    for beginning, name, remedy in _BEGINNINGS:
        if head.startswith(beginning):
            return name, remedy
    if head.startswith(_PORTABLE):
        return "a PNM picture", TO_CONVERT
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return ("a film" if head[8:12] == b"AVI " else "a sound"), _TO_EXTRACT
    if head[4:8] == b"ftyp":
        if head[8:12] == b"crx ":
            return "a camera raw file", TO_DEVELOP
        if head[8:12] in _FILMS:
            return "a film", _TO_EXTRACT
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_MARKUP):
        return "a web page", _TO_DOWNLOAD
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"svg" in text):
        return "an SVG drawing", TO_CONVERT
    return None
