"""Kills machines, workers and the driver of runs on a Ray cluster at random moments, and looks at what they leave.

    python benchmarks/cluster_kills.py --kills 12

Two machines and an S3 store, all on this one (Linux; needs the extra cluster-dev). The run of a killed driver is
finished with --resume. Then every result must be in the store, byte for byte what `deblur FOLDER -o OUTPUT` writes; the
exit code is 1 if one is not. "twice" counts results that were written more than once, which only a killed driver may
lead to.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batch_folder import make_photos, save_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "jobs" / "cluster"))
from ray_machines import Machines
from s3_server import Bucket, S3Server

DEBLUR = [sys.executable, "-m", "deblurcli"]
VICTIMS = ("machine", "worker", "driver")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    bad = 0
    with tempfile.TemporaryDirectory() as name, S3Server() as server:
        work = Path(name)
        os.environ.update(server.environment)
        model = str(save_model(work / "tiny.safetensors"))
        make_photos(work / "in", options.photos, 320, 240, (".jpg", ".png"))
        subprocess.run([*DEBLUR, "in", "-r", "-o", "out", "--model", model, "-q"], cwd=work, check=True)
        files = (path for path in (work / "out").rglob("*") if path.is_file() and path.name[0] != ".")
        expected = {path.relative_to(work / "out").as_posix(): path.read_bytes() for path in files}
        bucket = Bucket(server, "photos")
        source = bucket.upload(work / "in", "in")
        machines = Machines()
        print(f"seed {seed}; {options.photos} photos, two machines\n")
        print("run  killed   when there were  workers lost  after it  twice  identical  seconds")
        try:
            for number in range(1, options.kills + 1):
                machines.keep(2)
                target = f"out{number}"
                ray = ["--engine", "ray", "--address", machines.address, "--workers", "2"]
                command = [*DEBLUR, "batch", source, "-r", "-o", f"{bucket.url}/{target}", "--model", model, *ray]
                command += ["--manifest", str(work / f"{target}.jsonl")]
                started = time.monotonic()
                victim, moment = VICTIMS[number % 3], chance.randrange(options.photos)
                there, lost = run_and_kill(command, bucket, target, machines, victim, moment)
                if victim == "driver":
                    subprocess.run([*command, "--resume", "-q"], check=True)
                found, versions = bucket.files(target), bucket.versions(target)
                twice = sum(count > 1 for count in versions.values())
                identical = found == expected
                bad += not identical or (twice > 0 and victim != "driver")
                print(
                    f"{number:3}  {victim:8} {there:14} {lost:13} {len(found):9} {twice:6}  {identical!s:9} "
                    f"{time.monotonic() - started:8.1f}",
                    flush=True,
                )
        finally:
            machines.cluster.shutdown()
    print(f"\n{'nothing was lost' if not bad else f'{bad} runs were wrong'}")
    raise SystemExit(bad > 0)


def run_and_kill(
    command: list[str], bucket: Bucket, target: str, machines: Machines, victim: str, moment: int
) -> tuple[int, int]:
    """Start a run and kill something when `moment` results are there; tells how many were there, and of how many lost
    workers the driver spoke."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if " -> " in line and sum(" -> " in one for one in said) == max(moment, 1):
            if victim == "machine":
                machines.kill(machines.machines[moment % 2])
            else:
                os.kill(process.pid if victim == "driver" else machines.actors()[moment % 2], signal.SIGKILL)
    process.wait()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit("".join(said[-20:]))
    there = max(moment, 1)
    return there, sum("a worker was lost" in line for line in said)


if __name__ == "__main__":
    main()
