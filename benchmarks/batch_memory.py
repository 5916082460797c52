"""Memory of one run over many small photos: it must not grow with their number.

    python benchmarks/batch_memory.py --photos 10000

Prints the resident memory as the run goes, and exits with 1 if the last figure is more than a tenth above the first
after the start.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from batch_folder import make_photos, save_model, start


def resident(pid: int) -> float:
    """MiB of a process now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=500, help="files between two figures")
    parser.add_argument("--size", default="96x64")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_photos(work / "in", options.photos, width, height)
        model = save_model(work / "tiny.safetensors")
        process = start([str(work / "in"), "-r", "-o", str(work / "out"), "--model", str(model)], work / "log")
        records = work / "out" / ".deblur-manifest.jsonl"
        began, figures, following = time.perf_counter(), [], 100
        print("files  resident, MiB  seconds")
        read, done = 0, 0
        while process.is_alive():
            time.sleep(0.05)
            if records.exists():
                with records.open("rb") as file:
                    file.seek(read)
                    data = file.read()
                    read += len(data)
                    done += data.count(b'"status": "done"')
            if done >= following and (memory := resident(process.pid or 0)):  # nothing once it has ended
                figures.append(memory)
                print(f"{done:5}  {figures[-1]:13.1f}  {time.perf_counter() - began:7.1f}", flush=True)
                following = max(options.every, (done // options.every + 1) * options.every)
        process.join()
        print((work / "log").read_text().splitlines()[-1])
    if process.exitcode != 0 or not figures or figures[-1] > 1.1 * figures[0]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
