"""What papers print, to stand beside measured figures under the label "as published".

Times were taken on the papers' own hardware, and many of those on GPUs without waiting for the GPU; SSIM follows the
definition each paper chose. Neither can be compared with figures measured here as if one hand had taken them.
"""

from __future__ import annotations

from dataclasses import dataclass

from deblurcli.bench.results import Literature, Published, Quality

_SRN = "Tao et al. 2018 (SRN), Table 2"
_SURVEY = "arXiv 1907.10128, Table II"
_CPU = "Anisimovskiy et al. 2023, Table 1"
_FCN = "Zhang et al. 2022 (FCN), Table 1"
_NAFNET = "Chen et al. 2022 (NAFNet)"
_FCN_HIDE = "Zhang et al. 2022 (FCN)"
_SURVEY_KOHLER = "arXiv 1907.10128"

_GOPRO = (
    Published("Kim et al. 2013", "23.64", "0.8239", "1 h", _SRN),
    Published("Sun et al. 2015", "24.64", "0.8429", "20 min", _SRN),
    Published("Gong et al. 2017", "26.1", "0.863", None, _SURVEY),
    Published("Noroozi et al. 2017", "28.1", None, None, _SURVEY),
    Published("DeblurGAN-v2 MobileNet", "28.17", "0.925", "3.2 s (CPU)", _CPU),
    Published("DeblurGAN", "28.70", "0.927", "7.8 s (CPU)", _CPU),
    Published("DeblurGAN", "28.70", "0.958", "0.8 s", _SURVEY),
    Published("Nah et al. 2017", "29.08", "0.9135", "3.09 s", _SRN),
    Published("SVRNN (Zhang et al. 2018)", "29.19", "0.931", "4.0 s (CPU)", _CPU),
    Published("SVRNN (Zhang et al. 2018)", "29.19", "0.931", "1.4 s", _SURVEY),
    Published("multi-task CNN + SV-RNN, batch 20", "29.43", "0.942", "4.0 s (CPU)", _CPU),
    Published("multi-task CNN + SV-RNN, batch 32", "29.56", "0.943", "4.0 s (CPU)", _CPU),
    Published("DeblurGAN-v2 Inception", "29.55", "0.934", "10.4 s (CPU)", _CPU),
    Published("SRN (SR-EDRB3)", "30.26", "0.9342", "1.87 s (GPU)", _SRN),
    Published("SRN, released lstm weights", "30.19", "0.9334", None, "the SRN authors' read-me"),
    Published("SIUN 2020", "30.22", "0.904", "4.5 s (CPU)", _CPU),
    Published("Gao et al. 2019", "30.90", "0.935", None, _FCN),
    Published("MT-RNN 2020", "31.15", "0.945", None, _FCN),
    Published("DBGAN 2020", "31.20", "0.940", None, _FCN),
    Published("Stack(4)-DMPHN 2019", "31.20", "0.945", "138.1 s (CPU)", _CPU),
    Published("Suin et al. 2020", "31.85", "0.948", None, _FCN),
    Published("MPRNet 2021", "32.66", "0.959", "219.4 s (CPU)", f"{_FCN}; {_CPU} (also the time)"),
    Published("NAFNet width 32", "32.87", "0.961", None, _NAFNET),
    Published("NAFNet width 64", "33.71", "0.967", None, _NAFNET),
    Published("Restormer 2022", "32.92", "0.961", None, _FCN),
    Published("SRNet (Whang et al. 2022)", "33.23", "0.963", None, _FCN),
    Published("FCN (Zhang et al. 2022)", "33.32", "0.972", None, _FCN),
)

_HIDE = (  # all trained on GoPro
    Published("Gao et al. 2019", "29.11", None, None, _FCN_HIDE),
    Published("MT-RNN 2020", "29.15", None, None, _FCN_HIDE),
    Published("MPRNet 2021", "30.96", None, None, _FCN_HIDE),
    Published("Restormer 2022", "31.22", None, None, _FCN_HIDE),
    Published("SRNet (Whang et al. 2022)", "30.07", None, None, _FCN_HIDE),
    Published("FCN (Zhang et al. 2022)", "32.04", "0.966", None, _FCN_HIDE),
)

_KOHLER = (
    Published("Kim et al. 2013", "24.68", "0.7937", None, _SRN),
    Published("Sun et al. 2015", "25.22", "0.7735", None, _SRN),
    Published("DeblurGAN", "26.10", "0.816", None, _SURVEY_KOHLER),
    Published("Nah et al. 2017", "26.48", "0.8079", None, _SRN),
    Published("Gong et al. 2017", "26.59", "0.742", None, _SURVEY_KOHLER),
    Published("SRN (SR-EDRB3)", "26.75", "0.8370", None, _SRN),
    Published("Ramakrishnan et al. 2017", "27.08", "0.751", None, _SURVEY_KOHLER),
)

PUBLISHED: dict[str, tuple[Published, ...]] = {"gopro": _GOPRO, "hide": _HIDE, "kohler": _KOHLER}


_LEAD = (
    "Printed in papers, not measured here: times are on the papers' own hardware, some of them taken without waiting "
    "for the GPU, and papers differ in which SSIM they mean."
)


def literature_on(dataset: str, measured: Quality) -> Literature:
    """The published rows of a data set, GoPro's where there are none, with what keeps them from being compared."""
    about = dataset if dataset in PUBLISHED else "gopro"
    lead = _LEAD
    if about != measured.dataset:
        lead += " This data set was not measured here."
    elif measured.pairs != measured.published:
        lead += f" They are of the whole test set, the measured figures of {measured.coverage}."
    return Literature(about, lead, PUBLISHED[about])


@dataclass(frozen=True)
class Preset:
    """How a paper timed, so that the same can be done here.

    Attributes:
        name: what the command line takes.
        device: "cpu".
        width, height: of the one image that is restored, in pixels.
        all_cores: whether all logical cores are kept busy.
        hardware: what the paper's times were taken on.
        published: its rows with times; the times are of its hardware, the qualities of GoPro.
    """

    name: str
    device: str
    width: int
    height: int
    all_cores: bool
    hardware: str
    published: tuple[Published, ...]


_ANISIMOVSKIY = "anisimovskiy-2023"

PRESETS: dict[str, Preset] = {
    _ANISIMOVSKIY: Preset(
        name=_ANISIMOVSKIY,
        device="cpu",
        width=1280,
        height=720,
        all_cores=True,
        hardware="6-core AMD Ryzen 5 5600X",
        published=tuple(row for row in _GOPRO if row.time and _CPU in row.source),
    )
}


def literature_of(preset: Preset) -> Literature:
    """The published times that a preset's timings are to stand beside."""
    lead = f"Printed in papers, not measured here: times on a {preset.hardware}, PSNR and SSIM on GoPro."
    about = f"CPU times of one {preset.width}x{preset.height} image, {preset.name}"
    return Literature(about, lead, preset.published)
