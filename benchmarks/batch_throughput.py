"""How much of the engine's throughput a folder of photos gets: the engine alone against the whole pipeline.

    python benchmarks/batch_throughput.py --photos 6 --rounds 5

Both restore the same JPEGs. Alone, their pixels are in memory already and nothing is written; the pipeline reads,
restores and writes files. The two take turns, and the medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from batch_folder import make_photos

from deblurcli import Deblurrer
from deblurcli.images import read_photo
from deblurcli.jobs.events import Ended, Event
from deblurcli.jobs.outputs import prepare_roots
from deblurcli.jobs.pipeline import restore_here
from deblurcli.jobs.plan import make_plan
from deblurcli.jobs.records import Records, open_manifests
from deblurcli.jobs.run import Run
from deblurcli.jobs.task import Status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="srn-fast")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--format", default="jpg", help="suffix of the photos")
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=2)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    megapixels = options.photos * width * height / 1e6
    alone, piped = [], []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_photos(work / "in", options.photos, width, height, (f".{options.format}",))
        deblurrer = Deblurrer(options.model, options.device)
        pictures = [read_photo(path).pixels for path in sorted((work / "in").rglob("*.*"))]
        deblurrer.restore(pictures[0])
        for index in range(options.rounds):
            began = time.perf_counter()
            for pixels in pictures:
                deblurrer.restore(pixels)
            alone.append(megapixels / (time.perf_counter() - began))
            tasks = make_plan([work / "in"], work / f"out{index}", recursive=True).tasks
            roots = prepare_roots(tasks)
            records = Records(open_manifests(tasks), "benchmark")
            events: list[Event] = []
            with records.kept():
                began = time.perf_counter()
                restore_here(tasks, [deblurrer], Run(None, records, roots, events.append), options.lanes)
                piped.append(megapixels / (time.perf_counter() - began))
            results = [event.result for event in events if isinstance(event, Ended)]
            assert len(results) == options.photos and all(one.status is Status.DONE for one in results), results
            print(f"round {index + 1}: alone {alone[-1]:.3f} MP/s, pipeline {piped[-1]:.3f} MP/s", flush=True)
    ratio = statistics.median(piped) / statistics.median(alone)
    print(
        f"{deblurrer.info.name} on {deblurrer.device}, {options.photos} photos of {options.size} ({options.format}), "
        f"medians of {options.rounds}: alone {statistics.median(alone):.3f} MP/s, "
        f"pipeline {statistics.median(piped):.3f} MP/s, ratio {ratio:.3f}"
    )


if __name__ == "__main__":
    main()
