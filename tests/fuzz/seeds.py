"""Small whole files of every format and layout that is read, to be mutated."""

from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, features

WIDTH, HEIGHT = 37, 26


def picture(depth: int = 8) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 24, (HEIGHT, WIDTH, 3))
    colours = np.stack([x * 5, y * 7, (x // 4 + y // 4) % 2 * 150], -1) + noise
    return (colours * (257 if depth == 16 else 1)).astype(np.uint16 if depth == 16 else np.uint8)


def exif() -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F], block[0x8298] = 6, "A camera", "Somebody"
    block.get_ifd(0x8769)[0x9003] = "2024:05:31 18:00:00"
    block.get_ifd(0x8769)[0x927C] = b"Canon maker note" * 4
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes()


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def tiff(samples: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    options.setdefault("photometric", "rgb" if samples.ndim == 3 and samples.shape[2] >= 3 else "minisblack")
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def png_with(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    added = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    return data[:33] + added + data[33:]


def jpegs() -> dict[str, bytes]:
    colour, profile = Image.fromarray(picture()), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    described = {"exif": exif(), "icc_profile": profile, "xmp": XMP, "comment": b"a comment", "dpi": (300, 300)}
    plain = saved(colour, "JPEG")
    return {
        "jpeg": plain,
        "jpeg described": saved(colour, "JPEG", **described),
        "jpeg progressive": saved(colour, "JPEG", progressive=True, subsampling=0),
        "jpeg restarts": saved(colour, "JPEG", restart_marker_rows=1),
        "jpeg grey": saved(colour.convert("L"), "JPEG", quality=95),
        "jpeg cmyk": saved(colour.convert("CMYK"), "JPEG"),
        "jpeg two views": saved(colour, "MPO", save_all=True, append_images=[colour]),
        "jpeg trailer": plain + b"MotionPhoto_Data" + bytes(range(256)),
    }


def pngs() -> dict[str, bytes]:
    colour, grey = Image.fromarray(picture()), picture()[..., 0]
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Somebody")
    texts.add_text("Description", "long " * 99, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
    sixteen = imagecodecs.png_encode(picture(16))
    palette = colour.quantize(16)
    return {
        "png": saved(colour, "PNG"),
        "png described": saved(colour, "PNG", pnginfo=texts, exif=exif(), dpi=(300, 300)),
        "png alpha": saved(colour.convert("RGBA"), "PNG"),
        "png palette": saved(palette, "PNG", transparency=3),
        "png bilevel": saved(Image.fromarray(grey).convert("1"), "PNG"),
        "png 16": bytes(sixteen),
        "png 16 colours": png_with(
            bytes(sixteen),
            (b"gAMA", struct.pack(">I", 45455)),
            (b"cICP", b"\x0c\x0d\0\1"),
            (b"eXIf", exif()),
            (b"iCCP", b"p\0\0" + zlib.compress(bytes(900))),
            (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
        ),
        "png 16 alpha": bytes(imagecodecs.png_encode(np.dstack([picture(16), picture(16)[..., 0]]))),
        "png animated": saved(colour, "PNG", save_all=True, append_images=[colour.rotate(180)]),
    }


def tiffs() -> dict[str, bytes]:
    eight, sixteen = picture(), picture(16)
    codecs = (None, "lzw", "deflate", "packbits", "zstd", "jpeg", "lzma", "webp", "jpeg2000")
    files = {f"tiff {each or 'plain'}": tiff(eight, compression=each) for each in codecs}
    colour = Image.fromarray(eight)
    return files | {
        "tiff 16": tiff(sixteen, compression="deflate", predictor=True, rowsperstrip=5),
        "tiff tiles": tiff(eight, tile=(16, 16), compression="lzw"),
        "tiff planar": tiff(np.moveaxis(sixteen, -1, 0), planarconfig="separate", photometric="rgb"),
        "tiff big": tiff(eight, bigtiff=True, description="a description"),
        "tiff big endian": tiff(sixteen, byteorder=">"),
        "tiff alpha": tiff(np.dstack([eight, eight[..., 0]]), extrasamples=["assocalpha"]),
        "tiff grey": tiff(eight[..., 0], photometric="miniswhite"),
        "tiff palette": saved(colour.quantize(), "TIFF"),
        "tiff cmyk": saved(colour.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        "tiff bilevel": saved(colour.convert("1"), "TIFF", compression="group4"),
        "tiff ycbcr": saved(colour.convert("YCbCr"), "TIFF"),
        "tiff described": saved(colour, "TIFF", exif=exif(), dpi=(300, 300)),
        "tiff pages": saved(colour, "TIFF", save_all=True, append_images=[colour]),
    }


def bmp_with_colours() -> bytes:
    """A BMP whose header tells of the primaries of Adobe RGB and a gamma."""
    rows = np.pad(picture()[::-1, :, ::-1].reshape(HEIGHT, -1), ((0, 0), (0, -3 * WIDTH % 4))).tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(20)
    points = (0.5767, 0.2973, 0.0270, 0.1856, 0.6274, 0.0707, 0.1882, 0.0753, 0.9911)
    header += struct.pack("<9i3I", *(round(point * (1 << 30)) for point in points), *(3 * [144179]))
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 14 + 108) + header + rows


def others() -> dict[str, bytes]:
    colour = Image.fromarray(picture())
    with_alpha = colour.convert("RGBA")
    files = {
        "webp": saved(colour, "WEBP", exif=exif(), xmp=XMP),
        "webp lossless": saved(with_alpha, "WEBP", lossless=True),
        "webp alpha": saved(with_alpha, "WEBP"),
        "webp animated": saved(colour, "WEBP", save_all=True, append_images=[colour.rotate(180)]),
        "bmp": saved(colour, "BMP"),
        "bmp palette": saved(colour.quantize(), "BMP"),
        "bmp bilevel": saved(colour.convert("1"), "BMP"),
        "bmp colours": bmp_with_colours(),
        "gif": saved(colour.quantize(), "GIF", comment=b"a comment"),
        "gif animated": saved(colour.quantize(), "GIF", save_all=True, append_images=[colour.rotate(180).quantize()]),
    }
    if features.check("avif"):
        files["avif"] = saved(with_alpha, "AVIF", exif=exif(), xmp=XMP)
        files["avif 10 bits"] = bytes(imagecodecs.avif_encode(picture(16) >> 6, 90, bitspersample=10))
        files["avif lossless"] = bytes(imagecodecs.avif_encode(picture(), 100, pixelformat="yuv444"))
        files["avif animated"] = saved(colour, "AVIF", save_all=True, append_images=[colour.rotate(180)])
    return files | heifs()


def heifs() -> dict[str, bytes]:
    try:
        import pillow_heif
    except ImportError:
        return {}
    files = {}
    for name, mode, pixels in (("heif", "RGB", picture()), ("heif 10 bits", "RGB;16", picture(16))):
        file = io.BytesIO()
        image = pillow_heif.from_bytes(mode, (WIDTH, HEIGHT), pixels.tobytes())
        image.save(file, exif=exif(), xmp=XMP)
        files[name] = file.getvalue()
    return files


def all_seeds() -> dict[str, bytes]:
    """Whole files by their names."""
    return jpegs() | pngs() | tiffs() | others()
