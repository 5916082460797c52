"""What the Tab key offers, as the shells themselves say, with the scripts that are installed for them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "deblur rev": {"review"},
    "deblur photo.jpg --stre": {"--strength"},
    "deblur --model srn-f": {"srn-fast"},
    "deblur weights li": {"list"},
    "deblur weights list --j": {"--json"},
    "deblur weights remove srn-f": {"srn-fast"},
    "deblur review x --se": {"--serve"},
}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_commands_options_and_models_are_offered(deblur, shell, monkeypatch):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    script = deblur("--show-completion", shell)
    assert script.returncode == 0, script.stderr
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    for line, wanted in CASES.items():
        if shell == "bash":
            words = f"COMP_WORDS=({line}); COMP_CWORD={len(line.split()) - 1}"
            test = f'{words}; _deblur_completion deblur; printf "%s\n" "${{COMPREPLY[@]}}"'
        else:
            test = f'complete -C "{line}"'
        done = subprocess.run([shell, "-c", f"{script.stdout}\n{test}"], capture_output=True, text=True, check=True)
        assert {offer.split("\t")[0] for offer in done.stdout.split("\n") if offer} == wanted, line
