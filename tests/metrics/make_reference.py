"""The images of reference.json, and the making of that file with GNU Octave and its image package (octave-image).

To make it again: python tests/metrics/make_reference.py

The tests read the stored figures and need no Octave. Every image comes from samples/astronaut.jpg by whole numbers
alone, and its hash is stored with the figures, so that a changed sample is not taken for a wrong measure.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
STORED = HERE / "reference.json"
Pair = tuple[np.ndarray, np.ndarray]


def box_blur(image: np.ndarray, length: int) -> np.ndarray:
    """The mean along rows, its ends continued."""
    padded = np.pad(image.astype(int), [(0, 0), (length // 2, length // 2)] + [(0, 0)] * (image.ndim - 2), "edge")
    return (sum(padded[:, i : i + image.shape[1]] for i in range(length)) // length).astype(np.uint8)


def grain(image: np.ndarray, size: int) -> np.ndarray:
    """Added to it: numbers from -size to size in no visible order."""
    noise = (np.arange(image.size, dtype=np.int64).reshape(image.shape) * 7919 % 104729) * 31 % (2 * size + 1) - size
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def photo() -> np.ndarray:
    """(512, 512, 3)"""
    return np.asarray(Image.open(HERE.parents[1] / "samples" / "astronaut.jpg"))


def pairs() -> dict[str, Pair]:
    """Name -> two images (H, W, 3) or (H, W), for PSNR and both SSIMs."""
    whole = photo()
    face = whole[40:136, 180:292]
    constant = np.full((40, 50, 3), 200, np.uint8)
    return {
        "blur": (whole, box_blur(whole, 9)),
        "grain": (face, grain(face, 30)),
        "shift": (face[:, 1:], face[:, :-1]),
        "channels": (face, face[..., ::-1]),
        "negative": (face, 255 - face),
        "identical": (face, face),
        "constants": (constant, constant - 90),
        "constant-and-photo": (constant, whole[:40, :50]),
        "black-and-white": (constant * 0, constant * 0 + 255),
        "smallest-for-wang": (face[:11, :11], face[1:12, 1:12]),
        "under-window": (face[:7, :9], box_blur(face, 5)[:7, :9]),
        "one-pixel": (face[:1, :1], face[9:10, 9:10]),
        "one-row": (face[:1], box_blur(face, 3)[:1]),
        "grey": (face[..., 1], grain(face, 30)[..., 1]),
        "grey-under-window": (face[:10, :40, 1], face[1:11, :40, 1]),
    }


def kohler_pairs() -> dict[str, Pair]:
    """Name -> restored image and one frame, (H, W, 3)."""
    whole = photo()
    frame = whole[100:300, 120:361]
    return {
        "kohler-blur": (box_blur(frame, 9), frame),
        "kohler-shift": (grain(whole[93:293, 125:366], 20), frame),
        "kohler-shift-up": (box_blur(whole[104:304, 109:350], 5), frame),
        "kohler-darker": ((whole[101:301, 120:361] * 0.75).astype(np.uint8), frame),
        "kohler-smallest": (grain(frame[:161, :161], 40), frame[1:162, 1:162]),
    }


def digest(pair: Pair) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(image).tobytes() for image in pair)).hexdigest()


def main() -> None:
    everything = {"pair": pairs(), "kohler": kohler_pairs()}
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for kind, group in everything.items():
            for name, pair in group.items():
                height, width, *channels = pair[0].shape
                lines.append(f"{name} {kind} {height} {width} {channels[0] if channels else 1}\n")
                for image, suffix in zip(pair, "ab", strict=True):
                    (Path(folder) / f"{name}.{suffix}").write_bytes(image.tobytes("F"))
        (Path(folder) / "list.txt").write_text("".join(lines))
        command = ["octave", "--no-gui", "--quiet", "--no-init-file", str(HERE / "reference.m"), folder]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    hashes = {name: digest(pair) for group in everything.values() for name, pair in group.items()}
    stored = {}
    for line in output.splitlines():
        name, *figures = line.split()
        stored[name] = {"sha256": hashes[name], "figures": [float(figure.replace("NaN", "nan")) for figure in figures]}
    STORED.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
