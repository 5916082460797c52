"""Half an hour on a GPU: `pack` gathers at home what a training needs, `run` trains with it there.

docs/training-on-a-gpu.md tells how.
"""

from __future__ import annotations

import time

STARTED = time.monotonic()

import argparse  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from deblurcli.errors import DeblurError, UsageError  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


def main() -> int:
    options = parser().parse_args()
    try:
        options.action(options)
    except DeblurError as error:
        say(f"train-on-gpu: {error}")
        return int(error.exit_code)
    except OSError as error:
        say(f"train-on-gpu: {error.filename or options.output}: {error.strerror}; check the folder and the free space")
        return 1
    except KeyboardInterrupt:
        say("train-on-gpu: interrupted; the same command goes on")
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="train-on-gpu", description=__doc__)
    actions = whole.add_subparsers(required=True, metavar="pack|run")
    one = actions.add_parser("pack", help="at home: gather data and base in one folder")
    one.add_argument("data", type=Path, help="folder with sharp/, sharp.csv, pairs/train/, pairs/eval/, licences/")
    one.add_argument("-o", "--output", type=Path, required=True, help="folder to make")
    one.add_argument("--base", type=Path, required=True, help="what `scripts/maxim-weights` prints, or a checkpoint")
    one.add_argument("--size", type=float, default=60, help="megabytes that it must stay below (60)")
    one.set_defaults(action=pack)
    two = actions.add_parser("run", help="on the GPU machine: train, and go on after an interruption")
    two.add_argument("pack", type=Path, help="folder that `pack` made")
    two.add_argument("-o", "--output", type=Path, required=True, help="folder for the weights and the report")
    two.add_argument("--for", dest="time", default="25m", help="time of all calls together (25m)")
    two.add_argument("--call", help="time of this call at most, such as 9m, where a machine ends longer ones")
    two.add_argument("--work", type=Path, help="folder of what is needed to go on (OUTPUT-work)")
    two.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu only to rehearse")
    two.add_argument("--batch", type=int, help="crops a step, in place of 16, for a smaller GPU or a rehearsal")
    two.add_argument("--crop", type=int, help="pixels a side of a crop, in place of 256; a multiple of 64")
    two.add_argument("--save-every", type=float, default=120, help="seconds between two savings (120)")
    two.add_argument("--recipes", type=Path, default=WEIGHTS / "recipes", help="folder of the two recipes")
    two.add_argument("--srn", type=Path, default=WEIGHTS / "srn.safetensors", help="what srn begins with")
    two.set_defaults(action=run)
    return whole


def pack(options: argparse.Namespace) -> None:
    from pack import make_pack

    made = make_pack(options.data, options.base, options.output, int(options.size * 1e6) - 1)
    say(
        f"{options.output}: {made.size / 1e6:.1f} MB; {made.photos} of {made.photos_found} photos, {made.pairs} of "
        f"{made.pairs_found} pairs, {made.measured} pairs to measure on, base and licences"
    )


def run(options: argparse.Namespace) -> None:
    import torch
    from packed import BASE, check
    from report import REPORT, write_report
    from session import PLANS, Settings, go_on

    from deblurcli.training.budget import seconds_of

    if options.device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            f"PyTorch {torch.__version__} sees no CUDA GPU here; --device cpu rehearses, with --batch 1 --crop 64"
        )
    check(options.pack)
    settings = Settings(
        pack=options.pack,
        output=options.output,
        work=options.work or options.output.with_name(f"{options.output.name}-work"),
        recipes=options.recipes,
        starts={"maxim-fast-gpu": options.pack / BASE, "srn-gpu": options.srn},
        device=options.device,
        seconds=seconds_of(options.time),
        call=seconds_of(options.call) if options.call else None,
        save_every=options.save_every,
        batch=options.batch,
        crop=options.crop,
    )
    ledger = go_on(settings, STARTED, say, write_report)
    say(f"report: {settings.output / REPORT}")
    if not all(plan.recipe in ledger.finished for plan in PLANS):
        remedy = "the same command goes on" if ledger.spent < settings.seconds else "a longer --for goes on"
        say(f"{ledger.spent:.0f} of {settings.seconds:.0f} s used, not finished; {remedy}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
