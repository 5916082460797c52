from __future__ import annotations

import pytest

from deblurcli.doctor import surroundings
from deblurcli.errors import UsageError
from deblurcli.native import library


def test_torch_can_be_demanded(monkeypatch):
    monkeypatch.setenv("DEBLUR_ENGINE", "torch")
    assert library.choose_backend() == library.Backend("torch", "DEBLUR_ENGINE=torch")
    told = surroundings.engine()
    assert told["fp32 on the CPU"] == told["bf16 on the CPU"] == "PyTorch (DEBLUR_ENGINE=torch)"


def test_an_instruction_set_can_be_demanded(engine, monkeypatch):
    monkeypatch.setenv("DEBLUR_ENGINE", engine)
    assert library.choose_backend().name == engine
    told = surroundings.engine()
    assert told["fp32 on the CPU"] == f"native code, {engine} (DEBLUR_ENGINE={engine})"
    assert engine in told["compiled"] and told["compiler"]


@pytest.mark.parametrize(
    ("features", "compiled", "reason"),
    [
        (frozenset({"avx512f", "avx2", "fma"}), ["avx512", "avx512bf16"], "this processor has no avx512_bf16"),
        (frozenset({"avx2", "fma"}), ["avx512", "avx512bf16", "avx2"], "avx2 does not multiply bf16"),
        (
            frozenset({"avx512_bf16", "avx512f", "avx2", "fma"}),
            ["avx512"],
            "no native code was compiled for avx512bf16",
        ),
    ],
)
def test_bf16_that_the_native_code_cannot_do_is_left_to_torch(monkeypatch, tmp_path, features, compiled, reason):
    monkeypatch.delenv(library.VARIABLE, raising=False)
    monkeypatch.setattr(library, "processor_features", lambda: features)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    for name in compiled:
        (tmp_path / f"{name}.so").touch()
    monkeypatch.setattr(library, "loads", lambda name: True)
    assert library.choose_backend().name == next(name for name in compiled if library.NEEDS[name] <= features)
    choice = library.choose_backend("bf16")
    assert choice.name == "torch" and choice.reason.startswith(reason)
    assert reason in surroundings.engine()["bf16 on the CPU"]


@pytest.mark.parametrize("wish", ["sse9", "AVX2"])
def test_an_unknown_one_is_refused(monkeypatch, wish):
    monkeypatch.setenv("DEBLUR_ENGINE", wish)
    with pytest.raises(UsageError, match=f"DEBLUR_ENGINE={wish}: unknown; choose one of auto, torch, avx512"):
        library.choose_backend()


def test_one_that_is_not_compiled_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.setenv("DEBLUR_ENGINE", "portable")
    with pytest.raises(UsageError, match="not compiled here; choose one of torch"):
        library.choose_backend()


def test_one_that_the_processor_has_not_is_refused(monkeypatch, tmp_path):
    (tmp_path / "avx512.so").touch()
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.setattr(library, "processor_features", lambda: frozenset({"avx2", "fma"}))
    monkeypatch.setenv("DEBLUR_ENGINE", "avx512")
    with pytest.raises(UsageError, match="this processor has no avx512f"):
        library.choose_backend()


def test_without_a_library_torch_is_used_and_the_doctor_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.delenv("DEBLUR_ENGINE", raising=False)
    told = surroundings.engine()
    assert told["fp32 on the CPU"] == (
        "PyTorch (this installation has no compiled code: no C compiler, or a wheel without)"
    )
    assert told["compiled"] == "nothing"


def test_a_library_that_cannot_be_loaded_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.delenv(library.VARIABLE, raising=False)
    for name in library.NEEDS:
        (tmp_path / f"{name}.so").write_bytes(b"not a library")
    library.loads.cache_clear()
    library.load_library.cache_clear()
    try:
        assert library.choose_backend().name == "torch"
        assert "cannot be loaded" in library.choose_backend().reason
    finally:
        library.loads.cache_clear()
        library.load_library.cache_clear()
