"""Compiles `deblurcli/native` with the system's C compiler while the package is built or installed.

There is one library for each instruction set. What cannot be compiled is left out, without a C compiler all of it: the
package then does everything with PyTorch.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = ["-std=gnu11", "-O3", "-fPIC", "-shared", "-pthread"]
ARITHMETIC = ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]  # fused products, nothing less exact
# Memory that will be written to is asked for as such: PREFETCHW, which older processors take for nothing.
AVX2 = ["-mavx2", "-mfma", "-mprfchw"]
AVX512 = ["-mavx512f", "-mfma", "-mprfchw"]
X86 = {
    "avx512": AVX512,
    "avx512bf16": [*AVX512, "-mavx512bf16"],  # which older compilers do not know
    "avx2": AVX2,
    "portable": [],
}
SETS: dict[str, dict[str, list[str]]] = {
    "x86_64": X86,
    "amd64": X86,
    "aarch64": {"neon": []},
    "arm64": {"neon": []},
}
OTHERS: dict[str, list[str]] = {"portable": []}
SECONDS = 300  # that one compilation may take


class NativeHook(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling calls before it packs a wheel, also an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        native = Path(self.root) / "deblurcli" / "native"
        built, compiler = compile_all(native / "src", native / "lib")
        if not built:
            self.app.display_warning("deblurcli: no C compiler that works; PyTorch will do all computing, slower")
            return
        self.app.display_info(f"deblurcli: compiled {', '.join(built)} with {compiler}")
        build_data["artifacts"].append("deblurcli/native/lib/*")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"  # the libraries know nothing of Python


def compile_all(sources: Path, folder: Path) -> tuple[list[str], str]:
    """Compile every library for this kind of processor; returns those that worked, and the compiler's name.

    A library of an earlier build stays until its successor is whole: a wheel is built in the checkout that an editable
    installation runs from.
    """
    compiler = find_compiler()
    if compiler is None:
        shutil.rmtree(folder, ignore_errors=True)
        return [], ""
    folder.mkdir(parents=True, exist_ok=True)
    name = version_of(compiler)
    (folder / "compiler.txt").write_text(name + "\n", encoding="utf-8")
    files = [str(path) for path in sorted(sources.glob("*.c"))]
    built = []
    for kind, flags in SETS.get(platform.machine().lower(), OTHERS).items():
        target, temporary = folder / f"{kind}.so", folder / f"{kind}.tmp"
        if succeeds([*compiler, *LIBRARY, *ARITHMETIC, *flags, *files, "-o", str(temporary)]):
            temporary.replace(target)
            built.append(kind)
        temporary.unlink(missing_ok=True)
    for path in {*folder.glob("*.so"), *folder.glob("*.tmp")} - {folder / f"{kind}.so" for kind in built}:
        path.unlink()
    if not built:
        shutil.rmtree(folder)
    return built, name


def find_compiler() -> list[str] | None:
    """$CC, or the first usual name there is; None on Windows, whose compilers do not take these options."""
    if sys.platform == "win32":
        return None
    wish = shlex.split(os.environ.get("CC", ""))
    for command in [wish] if wish else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            return command
    return None


def version_of(compiler: list[str]) -> str:
    try:
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return compiler[0]
    return next(iter(done.stdout.splitlines()), compiler[0])


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def platform_tag() -> str:
    """As in a wheel's name: "linux_x86_64"; on macOS with the one architecture that was compiled for."""
    if sys.platform == "darwin":
        from packaging.tags import mac_platforms

        return next(iter(mac_platforms(arch=platform.machine())))
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
