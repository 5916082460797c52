"""Kills runs over a folder at random moments and looks at what they leave; then finishes them with --resume.

    python benchmarks/batch_kills.py --kills 50

A run is killed some time after it has begun to write. Every output must be absent or, byte for byte, what an
undisturbed run writes, after the kill and after the resume; the exit code is 1 if one is not. Every other run has the
strength 0, which leaves out the network, so that it does little but read and write.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from multiprocessing.context import ForkProcess
from pathlib import Path

from batch_folder import make_photos, save_model, start

TEMPORARY = re.compile(r"\.deblur-[0-9a-f]{12}")


def outputs(folder: Path) -> dict[str, bytes]:
    """All results in a folder by their relative names."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def temporaries(folder: Path) -> int:
    return sum(bool(TEMPORARY.fullmatch(path.name)) for path in folder.rglob(".*"))


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file is written again."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def at_work(folder: Path, process: ForkProcess) -> None:
    """Wait until a run has begun to write, so that kills do not merely meet a model that is being loaded."""
    while process.is_alive() and not (folder / ".deblur-manifest.jsonl").exists():
        time.sleep(0.001)


def finish(arguments: list[str], folder: Path, log: Path) -> float:
    """Let a run come to its end; the seconds that it was at work."""
    process = start(arguments, log)
    at_work(folder, process)
    began = time.perf_counter()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"the run ended with {process.exitcode}:\n{log.read_text()[-2000:]}")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        model, log = save_model(work / "tiny.safetensors"), work / "log"
        make_photos(work / "in", options.photos, 160, 120, (".jpg", ".png", ".tif"))

        def command(folder: str, strength: str) -> list[str]:
            arguments = [str(work / "in"), "-r", "-o", str(work / folder), "--strength", strength]
            return [*arguments, "--model", str(model), "--resume", "--quiet"]

        whole, longest = {}, {}
        for strength in ("1", "0"):
            folder = work / f"whole{strength}"
            longest[strength] = finish(command(folder.name, strength), folder, log)
            whole[strength] = outputs(folder)
            assert len(whole[strength]) == options.photos
        print(f"{options.photos} photos, undisturbed {longest['1']:.2f} s and {longest['0']:.2f} s, seed {seed}")
        print(
            "kill  strength  after, s  complete  partial  temporary  redone  left after resume  identical after resume"
        )
        for index in range(options.kills):
            strength = str((index + 1) % 2)
            out = work / f"out{index}"
            moment = chance.uniform(0, longest[strength])
            process = start(command(out.name, strength), log)
            at_work(out, process)
            time.sleep(moment)
            process.kill()
            process.join()
            found, left = outputs(out), temporaries(out)
            partial = sum(data != whole[strength].get(name) for name, data in found.items())
            before = identities(out)
            finish(command(out.name, strength), out, log)
            after = identities(out)
            redone = sum(after.get(name) != known for name, known in before.items())
            remaining, same = temporaries(out), outputs(out) == whole[strength]
            bad += bool(partial or remaining or not same)
            print(
                f"{index + 1:4}  {strength:>8}  {moment:8.2f}  {len(found):8}  {partial:7}  {left:9}  {redone:6}  "
                f"{remaining:17}  {'yes' if same else 'NO'}",
                flush=True,
            )
            for path in (path for path in out.rglob(".*") if TEMPORARY.fullmatch(path.name)):
                print(f"      left over: {path.relative_to(out)}, {path.stat()}", flush=True)
    print(f"{options.kills} kills, {bad} with a partial, lost, different or left-over file")
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
