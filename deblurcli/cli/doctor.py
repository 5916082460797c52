"""`deblur doctor`: what this machine computes with, and why, and how fast that is."""

from __future__ import annotations

from collections.abc import Iterator

from deblurcli.cli.edge import command


@command
def doctor() -> None:
    """Tell what networks run on here: the native code or PyTorch, the processor's features, threads, and GPUs; and how
    fast the models are that are on this machine, measured on a small picture."""
    for name, value in (*findings(), *speeds()):
        print(f"{name + ':':18}{value}", flush=True)


def findings() -> list[tuple[str, str]]:
    """What there is to tell, as names and values, in order.

    Raises:
        UsageError: if $DEBLUR_ENGINE asks for what is not there.
    """
    import torch

    from deblurcli.bench.speed.hardware import gpu_name, processor_name
    from deblurcli.native import library
    from deblurcli.native.processor import processor_features

    def path(products: library.Products) -> str:
        backend = library.choose_backend(products)
        return f"{'PyTorch' if backend.name == 'torch' else f'native code, {backend.name}'} ({backend.reason})"

    there = library.compiled()
    gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        gpus.append(torch.device("mps"))
    return [
        ("CPU", processor_name()),
        ("CPU features", ", ".join(sorted(processor_features())) or "none that matter here"),
        ("fp32 on the CPU", path("fp32")),
        ("bf16 on the CPU", path("bf16")),
        ("compiled", ", ".join(there) if there else "nothing"),
        ("compiler", library.compiler() or "none was found when deblurcli was installed"),
        ("threads", f"{torch.get_num_threads()}, {'shared with' if library.openmp() else 'beside those of'} PyTorch"),
        ("GPU", ", ".join(str(gpu_name(device)) for device in gpus) or "none that PyTorch can use"),
        ("PyTorch", torch.__version__),
    ]


def speeds() -> Iterator[tuple[str, str]]:
    """What each model that is here takes for a megapixel on the device that it would be given, one after the other."""
    from deblurcli.bench.speed.pace import seconds_per_megapixel
    from deblurcli.errors import DeblurError
    from deblurcli.models.catalog import catalog
    from deblurcli.models.local_copy import look_up
    from deblurcli.restore.deblurrer import Deblurrer

    for name in catalog():
        if look_up(name).path is None:
            continue
        try:
            deblurrer = Deblurrer(name)
        except DeblurError as problem:
            yield name, str(problem)
            continue
        pace = seconds_per_megapixel(deblurrer)
        yield name, f"{pace:.2g} s per megapixel ({deblurrer.device}, {deblurrer.precision})"
