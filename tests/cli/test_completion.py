"""What the Tab key offers, as the shells themselves say."""

import shutil
import subprocess

import pytest

CASES = {
    "deblur rev": {"review"},
    "deblur photo.jpg --stre": {"--strength"},
    "deblur --model srn-f": {"srn-fast"},
    "deblur weights li": {"list"},
    "deblur weights list --j": {"--json"},
    "deblur review x --se": {"--serve"},
}


@pytest.fixture(scope="module")
def offers(request):
    """Ask a shell what it offers for a line that is not finished: (shell, script, line) -> words."""

    def ask(shell, script, line):
        if shutil.which(shell) is None:
            pytest.skip(f"no {shell}")
        words = line.split()
        if shell == "bash":
            test = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _deblur; printf "%s\\n" "${{COMPREPLY[@]}}"'
        else:
            test = f'complete -C "{line}"'
        done = subprocess.run([shell, "-c", f"{script}\n{test}"], capture_output=True, text=True, check=True)
        return {offer.split("\t")[0] for offer in done.stdout.split("\n") if offer}

    return ask


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_commands_options_and_models_are_offered(deblur, offers, shell):
    script = deblur("completion", shell)
    assert script.returncode == 0, script.stderr
    for line, wanted in CASES.items():
        assert offers(shell, script.stdout, line) == wanted


def test_zsh_takes_the_script(deblur):
    if shutil.which("zsh") is None:
        pytest.skip("no zsh")
    script = deblur("completion", "zsh").stdout
    done = subprocess.run(["zsh", "-fc", f"{script}\necho $_comps[deblur]"], capture_output=True, text=True, check=True)
    assert "_deblur" in done.stdout
