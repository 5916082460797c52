"""The report of a session: what was trained, for how long, and what came of it."""

from __future__ import annotations

import platform

import torch
from session import PLANS, Ledger, Settings

from deblurcli.atomic import write_atomically
from deblurcli.digest import sha256_of
from deblurcli.version import __version__

REPORT = "report.md"
REHEARSAL = "**A rehearsal on a CPU**: it shows that everything runs, and its weights are of no use."


def write_report(settings: Settings, ledger: Ledger) -> None:
    """Write the report into the output folder, in place of an earlier one."""
    path = settings.output / REPORT
    write_atomically(text_of(settings, ledger).encode(), path, overwrite=True)


def text_of(settings: Settings, ledger: Ledger) -> str:
    done = all(plan.recipe in ledger.finished for plan in PLANS)
    machine = torch.cuda.get_device_name() if settings.device == "cuda" else f"CPU, {platform.machine()}"
    state = "done" if done else "not finished: the same command goes on"
    lines = ["# Training on a GPU", ""]
    if settings.device == "cpu":
        lines += [REHEARSAL, ""]
    lines += [
        f"{machine}; deblurcli {__version__}, PyTorch {torch.__version__}. {ledger.spent:.0f} of "
        f"{settings.seconds:.0f} s used, {state}.",
        "",
        "| training | steps | seconds | seconds a step | batch | loss | training PSNR, dB | GPU memory, GiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, run in ledger.runs.items():
        memory = f"{run['gpu_gib']:.1f}" if "gpu_gib" in run else "-"
        lines.append(
            f"| {name} | {run['steps']} | {run['seconds']:.0f} | {run['seconds_per_step']:.3f} | {run['batch']} of "
            f"{run['crop']}x{run['crop']} | {run['loss']:.4f} | {run['psnr']:.2f} | {memory} |"
        )
    lines += ["", "| file | bytes | SHA-256 |", "|---|---|---|"]
    for path in sorted(settings.output.glob("*.safetensors")):
        lines.append(f"| {path.name} | {path.stat().st_size} | {sha256_of(path)} |")
    return "\n".join([*lines, *figures(settings, ledger)]) + "\n"


def figures(settings: Settings, ledger: Ledger) -> list[str]:
    """The table of what was measured, with what it is worth."""
    if not ledger.figures:
        return []
    lines = ["", "| weights | PSNR, dB | gain, dB | worst | best |", "|---|---|---|---|---|"]
    for name, found in ledger.figures.items():
        gains = [after - before for before, after in zip(found["before"], found["after"], strict=True)]
        mean = sum(found["after"]) / len(gains)
        lines.append(
            f"| {name} | {mean:.2f} | {sum(gains) / len(gains):+.2f} | {min(gains):+.2f} | {max(gains):+.2f} |"
        )
    return [
        *lines,
        "",
        f"Measured in bf16 on middles of pairs, {len(gains)} in all, compressed for the pack: good for comparing "
        "these files with each other, and for nothing else. Measure at home with `deblur bench --model FILE`.",
    ]
