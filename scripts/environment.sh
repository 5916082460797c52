# Sourced by the other scripts: makes .venv with everything, once, and does nothing when it is there already.
# Where there is no NVIDIA GPU it takes PyTorch's CPU build, which on Linux saves gigabytes of CUDA packages.
set -eu
cd "$(dirname "$0")/.."
venv=${DEBLUR_VENV:-.venv}
python=$venv/bin/python
marker=$venv/.deblurcli-ready

install_torch() {
    if command -v nvidia-smi >/dev/null 2>&1 || [ "$(uname -s)" != Linux ]; then
        "$python" -m pip install --quiet 'torch>=2.4'
        return
    fi
    # A CPU build that pip already knows of; else the one that uv finds on PyTorch's own index; else whatever there is.
    "$python" -m pip install --quiet 'torch==2.13.0+cpu' 2>/dev/null && return
    "$python" -m pip install --quiet uv &&
        "$venv/bin/uv" pip install --quiet --python "$python" --torch-backend=cpu 'torch>=2.4' && return
    "$python" -m pip install --quiet 'torch>=2.4'
}

if [ ! -e "$marker" ] || [ pyproject.toml -nt "$marker" ]; then
    echo "setting up $venv (a minute or two, once) ..." >&2
    [ -x "$python" ] || "${PYTHON:-python3}" -m venv "$venv"
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    install_torch
    "$python" -m pip install --quiet --editable '.[dev]'
    touch "$marker"
fi
