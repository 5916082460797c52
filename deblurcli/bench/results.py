"""What a benchmark found, as plain data: measuring makes these, and everything that prints or writes takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

BASELINE = "blurry input"  # the method that does nothing

Protocol = Literal["pairs", "kohler"]  # how an image is compared: with one true image, or with Koehler's trajectory


@dataclass(frozen=True)
class Method:
    """One row of a quality table: doing nothing, or a model and how it was run.

    Attributes:
        name: unique in a report, as the tables print it: "blurry input", "srn-fast", "srn-fast --tta".
        weights: file of the weights; None for the blurry input, and so for all that follows.
        sha256: of that file, 64 hex digits.
        parameters: how many numbers were learnt.
        device: "cpu", "cuda:0", "mps".
        precision: "fp32", "bf16" or "fp16", as it was really run.
        tta: whether the mean over the eight flips and quarter turns was taken.
    """

    name: str
    weights: str | None = None
    sha256: str | None = None
    parameters: int | None = None
    device: str | None = None
    precision: str | None = None
    tta: bool = False


@dataclass(frozen=True)
class Score:
    """One image by one method.

    Attributes:
        pair: name of the image in its data set, unique there: "GOPR0384_11_00/000001".
        method: a `Method.name`.
        psnr: dB; infinity for identical images. In Koehler's protocol of luma after alignment.
        ssim_wang: SSIM of Wang et al. 2004 per channel, mean over channels; None where a side is under 11 pixels.
        ssim_matlab: SSIM as MATLAB computes it of an RGB array.
        ms_ssim: multi-scale SSIM of luma, which Koehler's protocol has instead of the other two.
    """

    pair: str
    method: str
    psnr: float
    ssim_wang: float | None = None
    ssim_matlab: float | None = None
    ms_ssim: float | None = None


@dataclass(frozen=True)
class Summary:
    """Means over the images; `gain` is PSNR over the blurry input, with its smallest and largest, in dB."""

    method: str
    images: int
    psnr: float
    ssim_wang: float | None
    ssim_matlab: float | None
    ms_ssim: float | None
    gain: float
    worst: float
    best: float


@dataclass(frozen=True)
class Quality:
    """Scores on one data set.

    Attributes:
        dataset: "gopro", "reds", ..., or "folder" for folders that the user named.
        folders: those the images were read from, as found.
        pairs: number of pairs measured.
        found: number of pairs in those folders; more than `pairs` with a limit.
        published: number of pairs in the published test set; None for a user's own folder.
        protocol: how images are compared.
        methods: rows, the baseline first.
        scores: of every image and method.
    """

    dataset: str
    folders: tuple[str, ...]
    pairs: int
    found: int
    published: int | None
    protocol: Protocol
    methods: tuple[Method, ...]
    scores: tuple[Score, ...]

    @property
    def coverage(self) -> str:
        """How much of the data set was measured, in words: "all 1111 pairs", "a subset: 20 of 1111 pairs"."""
        whole = max(self.found, self.published or 0)
        if self.pairs < whole:
            return f"a subset: {self.pairs} of {whole} pairs"
        return "the only pair" if whole == 1 else f"all {whole} pairs"

    @property
    def summaries(self) -> list[Summary]:
        """One per method, in order."""
        before = {score.pair: score.psnr for score in self.scores if score.method == BASELINE}
        return [self._summary(method.name, before) for method in self.methods]

    def _summary(self, method: str, before: dict[str, float]) -> Summary:
        own = [score for score in self.scores if score.method == method]
        gains = [0.0 if score.psnr == before[score.pair] else score.psnr - before[score.pair] for score in own]
        return Summary(
            method,
            len(own),
            _mean([score.psnr for score in own]),
            _mean_if_all([score.ssim_wang for score in own]),
            _mean_if_all([score.ssim_matlab for score in own]),
            _mean_if_all([score.ms_ssim for score in own]),
            _mean(gains),
            min(gains),
            max(gains),
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)  # not fmean, which refuses infinities of both signs


def _mean_if_all(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _mean(known) if len(known) == len(values) else None


@dataclass(frozen=True)
class Timing:
    """Seconds of every run, after the warm-up."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def fastest(self) -> float:
        return min(self.seconds)

    @property
    def slowest(self) -> float:
        return max(self.seconds)


@dataclass(frozen=True)
class SpeedRow:
    """One model at one size on one device.

    Attributes:
        model: name or file as given.
        sha256: of the file of the weights, 64 hex digits.
        device: "cpu", "cuda:0", "mps".
        precision: "fp32", "bf16" or "fp16", as it was really run.
        width, height: of the image in pixels.
        network: pixels in memory to pixels in memory.
        file: decoding, restoring and encoding, file to file.
        flop: floating-point operations of one image by the network's definition, a multiply-add counting two.
        peak: FLOP/s of the fastest matrix product on that device in that precision, measured in the same run.
        memory: peak resident memory of a whole `deblur` process that restores one such file, in bytes; None where the
            system does not tell.
        gpu_memory: peak memory on the GPU in bytes; None on others.
    """

    model: str
    sha256: str
    device: str
    precision: str
    width: int
    height: int
    network: Timing
    file: Timing
    flop: float
    peak: float
    memory: int | None = None
    gpu_memory: int | None = None

    @property
    def images_per_second(self) -> float:
        return 1 / self.network.median

    @property
    def flop_per_second(self) -> float:
        return self.flop / self.network.median

    @property
    def share_of_peak(self) -> float:
        """Above 1 where an algorithm needs fewer operations than the definition has."""
        return self.flop_per_second / self.peak


@dataclass(frozen=True)
class Speed:
    """Timings that were taken side by side, interleaved, in one process.

    Attributes:
        rows: one per model, device, precision and size.
        processor: its name.
        threads: that the CPU rows used.
        gpu: its name, if one was used.
        preset: name of the published protocol that was followed, if one was.
    """

    rows: tuple[SpeedRow, ...]
    processor: str
    threads: int
    gpu: str | None = None
    preset: str | None = None


@dataclass(frozen=True)
class Published:
    """A row of the literature: what a paper prints. None where it prints nothing.

    Attributes:
        method: as the paper names it.
        psnr: dB, with the digits that it prints.
        ssim: likewise; papers differ in the definition.
        time: as printed, with the hardware's kind: "1.87 s (GPU)".
        source: paper and table.
    """

    method: str
    psnr: str | None
    ssim: str | None
    time: str | None
    source: str


@dataclass(frozen=True)
class Literature:
    """A table of published rows.

    Attributes:
        about: what the rows are of, as a heading ends: "gopro", "CPU times of one 1280x720 image".
        lead: what the reader must know before comparing them with the measured ones.
        rows: the published rows.
    """

    about: str
    lead: str
    rows: tuple[Published, ...]


@dataclass(frozen=True)
class Report:
    """Everything one run of the benchmark found.

    Attributes:
        command: the command line that made it.
        made: when, ISO 8601 with time zone.
        versions: "deblurcli", "torch", "numpy", "python", "platform" -> version.
        quality: of every data set measured.
        speed: timings, unless left out.
        literature: published tables to stand beside the measured ones, if asked for.
        notes: what else the reader must know.
    """

    command: str
    made: str
    versions: dict[str, str]
    quality: Quality | None = None
    speed: Speed | None = None
    literature: tuple[Literature, ...] = ()
    notes: tuple[str, ...] = ()
