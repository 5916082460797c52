"""TIFF files of several pages: a stack of pictures, each with its own tags."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from deblurcli.atomic import file_beside
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.images import OutputExists, Photo, encode_photo
from deblurcli.images.decode import decode
from deblurcli.images.directory import (
    EXIF,
    GPS,
    INTEROPERABILITY,
    Entry,
    Layout,
    byte_order,
    entries_at,
    first_directory,
    layout_of,
    numbers,
    pointer,
    raw_entries,
    whole_number,
    written,
)
from deblurcli.images.source import read_path
from deblurcli.images.tiff_chain import without_loops
from deblurcli.video.animation import AnimationOutcome

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

_OFFSETS = (273, 324)  # of strips and tiles
_KIND = 254  # 1 for a reduced copy of another page, 4 for a mask
_BESIDE = 1 | 4
_DNG_VERSION = 50706
_LARGEST = 4_000_000_000
_EMPTY = {"<": b"II*\0\x08\0\0\0\0\0\0\0\0\0", ">": b"MM\0*\0\0\0\x08\0\0\0\0\0\0"}  # no tags, in either order


def restore_pages(
    source: Path,
    target: Path,
    deblurrer: Deblurrer,
    strength: float = 1.0,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
    advance: Callable[[int], None] = lambda pages: None,
) -> AnimationOutcome:
    """Restore every page of a TIFF file and write them in their order, page by page.

    Args: as for `restore_animation`.

    Raises:
        InputError: for damaged files, and pages that are no pictures.
        OutputError: if it cannot be written.
    """
    name = display_name(source)
    notes: dict[str, None] = {}
    count = failed = 0
    size = (0, 0)
    try:
        data = read_path(source)
        with file_beside(target, overwrite=overwrite) as temporary, temporary.open("rb+") as file:
            order, link = None, 0
            for page in _pages(without_loops(data), notes):
                if stop():
                    raise _Stopped
                try:
                    photo = decode(page, "TIFF")
                except InputError as problem:
                    raise InputError(f"page {count + 1}: {problem}") from None
                order = order or byte_order(page)
                result = deblurrer.restore(photo.pixels, strength)
                failed += result.kept > 0
                encoded, told = encode_photo(_in_order(replace(photo, pixels=result.pixels), order), "TIFF")
                notes |= dict.fromkeys((*photo.notes, *told))
                link = _append(file, encoded, link)
                size = size if count else (photo.pixels.shape[1], photo.pixels.shape[0])
                count += 1
                advance(count)
            if not count:
                raise InputError("no page in it is a picture of its own")
    except _Stopped:
        return AnimationOutcome(None, count, size, failed, ())
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None
    except FileExistsError:
        raise OutputExists(f"{display_name(target)}: exists already; replace it with --overwrite") from None
    except OSError as problem:
        raise OutputError(f"{display_name(target)}: cannot be written ({problem.strerror or problem})") from problem
    except (ValueError, struct.error) as problem:
        raise InputError(f"{name}: the TIFF data is damaged ({problem}); copy the file again") from None
    return AnimationOutcome(target, count, size, failed, tuple(notes))


def pages_in(file: BinaryIO) -> int:
    """How many pictures a TIFF file holds, without reduced copies and masks; 1 for camera raw."""
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        pages = [page for page in tiff.pages if isinstance(page, tifffile.TiffPage)]
        if any(_DNG_VERSION in page.tags for page in pages):
            return 1
        return max(sum(not (page.is_reduced or page.is_mask) for page in pages), 1)


class _Stopped(Exception):
    """The end of a run that was asked to end."""


def _pages(data: bytes, notes: dict[str, None]) -> Iterator[bytes]:
    """Every page as a file of its own: the same bytes, with a chain of directories that has it alone."""
    layout = layout_of(data)
    head = 8 if layout.big else 4
    at = first_directory(data)
    while at:
        link = _link_after(data, at, layout)
        (following,) = struct.unpack_from(layout.offset, data, link)
        kind = entries_at(data, at).get(_KIND)
        if kind and (whole_number(kind, layout.order) or 0) & _BESIDE:
            notes["not in the result: reduced copies and masks of pages"] = None
        else:
            page = bytearray(data)
            struct.pack_into(layout.offset, page, head, at)
            struct.pack_into(layout.offset, page, link, 0)
            yield bytes(page)
        at = following


def _link_after(data: bytes, at: int, layout: Layout) -> int:
    """Where the offset of the next directory stands."""
    return at + struct.calcsize(layout.count) + len(raw_entries(data, at)) * layout.entry_bytes


def _in_order(photo: Photo, order: str) -> Photo:
    """The photo, to be written in this byte order, which its tags would decide if it had any."""
    if photo.metadata.exif or photo.metadata.tiff_tags:
        return photo
    return replace(photo, metadata=replace(photo.metadata, tiff_tags=_EMPTY[order]))


def _append(file: BinaryIO, page: bytes, link: int) -> int:
    """Add a page, which is a TIFF file, to those before it, whose chain ends at `link`, 0 for the first.

    Returns where the chain ends now.
    """
    layout, first = layout_of(page), first_directory(page)
    if not link:
        file.write(page)
        return _link_after(page, first, layout)
    base = file.seek(0, 2)
    base += file.write(bytes(base % 2))
    file.write(page + bytes(len(page) % 2))
    end = base + len(page) + len(page) % 2
    if layout.big or end > _LARGEST:
        raise OSError("more than 4 GB; write its pages as files of their own")
    entries = entries_at(page, first)
    for tag in _OFFSETS:
        if tag in entries:
            places = [place + base for place in numbers(entries[tag], layout.order)]
            entries[tag] = Entry(4, len(places), struct.pack(f"{layout.order}{len(places)}I", *places))
    blocks, entries = _moved(page, entries, layout, end)
    listing, at = written(entries, layout, end + len(blocks))
    file.write(blocks + listing)
    file.seek(link)
    file.write(struct.pack(layout.offset, at))
    file.seek(0, 2)
    return at + 2 + len(entries) * layout.entry_bytes


def _moved(page: bytes, entries: dict[int, Entry], layout: Layout, at: int) -> tuple[bytes, dict[int, Entry]]:
    """The directories that entries lead to, to stand at `at`, and the entries with their new places."""
    blocks = b""
    moved = dict(entries)
    for tag in (EXIF, GPS, INTEROPERABILITY):
        where = whole_number(entries[tag], layout.order) if tag in entries else None
        if where is None:
            continue
        inner, listed = _moved(page, entries_at(page, where), layout, at + len(blocks))
        blocks += inner
        listing, place = written(listed, layout, at + len(blocks))
        blocks += listing + bytes(len(listing) % 2)
        moved[tag] = pointer(place, layout)
    return blocks, moved
