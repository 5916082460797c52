"""Looking at the results in every format: what is gone has to be told, and nothing may lead to it any more."""

import pytest
from PIL import features

from deblurcli.images import WRITABLE, encode_photo, read_photo

FORMATS = sorted(set(WRITABLE.values()))
GOOGLE = "http://ns.google.com/photos/1.0/"
DIRECTORY = (
    f'<C:Directory xmlns:C="{GOOGLE}container/" xmlns:Item="{GOOGLE}container/item/"><rdf:Seq><rdf:li '
    'rdf:parseType="Resource"><C:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li '
    'rdf:parseType="Resource"><C:Item Item:Semantic="{0}" Item:Length="{1}"/></rdf:li></rdf:Seq></C:Directory>'
)


def results(data):
    """(format, result, notes, text of all notes) in every format."""
    photo = read_photo(data)
    for format in FORMATS:
        if format == "AVIF" and not features.check("avif"):
            continue
        if format == "HEIF":
            pytest.importorskip("pillow_heif")
        result, notes = encode_photo(photo, format)
        yield format, result, (*photo.notes, *notes)


def check_gone(data, word, *pointers):
    """In no format is there a silence about `word`, nor one of the pointers to it; the rest of the XMP is there."""
    for format, result, notes in results(data):
        assert any(word in note for note in notes), (format, notes)
        assert not [pointer for pointer in pointers if pointer in result], format
        if b"xmp:Rating" in data and format != "BMP":
            assert b'xmp:Rating="5"' in read_photo(result).metadata.xmp
