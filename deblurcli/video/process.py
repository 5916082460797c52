"""The pipeline: a thread reads frames, this one runs the network, a third encodes; finished groups wait on the disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from deblurcli.video.colour import Samples
from deblurcli.video.encode import Encoder, digest_of
from deblurcli.video.flicker import WARM_UP, Damping, Pair
from deblurcli.video.frames import Place, read_frames
from deblurcli.video.plan import VideoPlan
from deblurcli.video.segments import Segment, Workplace

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer

_WAITING = 4  # frames before the network, beside those it is given at once, and as many after it
_LOOK_AGAIN = 0.2  # seconds after which a thread that waits looks whether it is to stop


@dataclass(frozen=True)
class Work:
    """A frame on its way.

    Attributes:
        time: when it is shown, in the clip's time base.
        frame: its planar samples.
        before: (H, W, 3) RGB; None for a frame that is left as it is.
        after: what the network made of it.
        kept: share of it where the network failed.
        last: whether it ends a group of pictures.
    """

    time: int
    frame: av.VideoFrame
    before: np.ndarray | None
    after: np.ndarray | None = None
    kept: float = 0.0
    last: bool = False

    @property
    def pair(self) -> Pair | None:
        return (self.before, self.after) if self.before is not None and self.after is not None else None


def make_segments(
    plan: VideoPlan,
    place: Workplace,
    deblurrer: Deblurrer,
    strength: float,
    chosen: Callable[[int], bool],
    stop: Callable[[], bool],
    advance: Callable[[int], None],
) -> list[Segment] | None:
    """Restore all frames of a span that are not in finished segments yet.

    Args:
        chosen: whether the frame of this time is restored; the others are left as they are.
        stop: asked whether to end after the frame in hand.
        advance: told how many frames are done, those of earlier runs included.

    Returns:
        The segments, or None if it was stopped before the end.

    Raises:
        DeblurError: for what reading, restoring or writing met.
    """
    clip = plan.clip
    length = plan.length
    segments = list(place.resumed)
    done = sum(len(segment.times) for segment in segments)
    after = Place(done - 1, segments[-1].times[-1], segments[-1].last) if segments else None
    together = max(1, deblurrer.together_pixels // (clip.width * clip.height))
    ended = threading.Event()  # by whatever error, or the end
    to_restore: queue.Queue[Any] = queue.Queue(_WAITING + together)
    to_encode: queue.Queue[Any] = queue.Queue(_WAITING)
    problems: list[BaseException] = []

    def halted() -> bool:
        return stop() or ended.is_set()

    def read() -> None:
        samples = Samples(clip.pixel_format, plan.colour)
        for count, (moment, frame) in enumerate(read_frames(clip, plan.span, after), 1):
            planar = samples.planar(frame)
            before = samples.rgb(planar) if chosen(moment) else None
            if not put(to_restore, Work(moment, planar, before, last=count % length == 0), halted):
                return
        put(to_restore, None, halted)

    def encode() -> None:
        samples = Samples(clip.pixel_format, plan.colour)
        group: _Group | None = None
        count = done
        while (work := take(to_encode, halted)) is not None:
            group = group or _Group(plan, place, len(segments), samples)
            group.add(work)
            if work.last:
                segments.append(group.finish())
                group = None
            count += 1
            advance(count)
        if group and not halted():
            segments.append(group.finish())
        elif group:
            group.leave()

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as problem:
            problems.append(problem)
            ended.set()

    threads = [threading.Thread(target=guarded, args=(task,), daemon=True) for task in (read, encode)]
    for thread in threads:
        thread.start()
    complete = False
    try:
        advance(done)
        for batch in batches(to_restore, together, halted):
            for work in restored(batch, deblurrer, strength, bool(clip.fields)):
                if not put(to_encode, work, halted):
                    break
        complete = not halted()
        put(to_encode, None, halted)
    except BaseException:
        ended.set()
        raise
    finally:
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]
    return segments if complete and not stop() else None


def restored(batch: Sequence[Work], deblurrer: Deblurrer, strength: float, fields: bool) -> Iterator[Work]:
    """A batch after the network; the two fields of interlaced frames go through it as pictures of their own."""
    pictures = [work.before for work in batch if work.before is not None]
    if fields:
        pictures = [part for picture in pictures for part in (picture[0::2], picture[1::2])]
    results = []
    # The last row of an odd picture makes the fields unlike.
    for alike in _runs_alike(pictures):
        results += deblurrer.restore_alike(alike, strength)
    left = iter(results)
    for work in batch:
        if work.before is None:
            yield work
        elif fields:
            upper, lower = next(left), next(left)
            after = np.empty_like(work.before)
            after[0::2], after[1::2] = upper.pixels, lower.pixels
            yield replace(work, after=after, kept=(upper.kept + lower.kept) / 2)
        else:
            result = next(left)
            yield replace(work, after=result.pixels, kept=result.kept)


def _runs_alike(pictures: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    run: list[np.ndarray] = []
    for picture in pictures:
        if run and picture.shape != run[0].shape:
            yield run
            run = []
        run.append(picture)
    if run:
        yield run


def batches(source: queue.Queue[Any], most: int, halted: Callable[[], bool]) -> Iterator[list[Work]]:
    """Frames in full batches, which end with a group of pictures: so a run that goes on later has the same ones."""
    batch: list[Work] = []
    while (work := take(source, halted)) is not None:
        batch.append(work)
        if len(batch) == most or work.last:
            yield batch
            batch = []
    if batch and not halted():
        yield batch


class _Group:
    """A group of pictures that is being damped and encoded. It knows nothing of the others, so that a run which goes on
    later makes the same.

    Args:
        plan: of the video.
        place: where segments wait.
        number: of this one.
        samples: of the thread.
    """

    def __init__(self, plan: VideoPlan, place: Workplace, number: int, samples: Samples) -> None:
        self.place, self.path, self.samples = place, place.path_of(number), samples
        self.temporary = Path(f"{self.path}.part")
        self.encoder = Encoder(self.temporary, plan.clip, plan.coding, plan.colour, plan.length)
        self.damping: Damping | None = None
        self.first: list[Work] = []
        self.kept: list[float] = []
        self.changed: list[bool] = []
        self.last: av.VideoFrame | None = None

    def add(self, work: Work) -> None:
        if self.damping:
            self._encode(work, self.damping)
            return
        self.first.append(work)
        if len(self.first) == WARM_UP:
            self._begin()

    def _begin(self) -> None:
        self.damping = Damping((1 << 8 * self.samples.dtype.itemsize) - 1)
        self.damping.begin([work.pair for work in self.first])
        for work in self.first:
            self._encode(work, self.damping)
        self.first.clear()

    def _encode(self, work: Work, damping: Damping) -> None:
        frame = work.frame
        after = damping.damped(work.pair)
        if work.before is not None and after is not None:
            frame = self.samples.changed(frame, work.before, after)
        self.encoder.add(frame, work.time)
        self.kept.append(work.kept)
        self.changed.append(work.before is not None)
        self.last = work.frame

    def finish(self) -> Segment:
        if self.first:
            self._begin()
        assert self.last is not None
        times, depth = self.encoder.end()
        segment = Segment(self.path, times, depth, digest_of(self.last), tuple(self.kept), tuple(self.changed))
        self.place.finish(self.temporary, segment)
        return segment

    def leave(self) -> None:
        self.encoder.leave()


def put(target: queue.Queue[Any], item: Any, halted: Callable[[], bool]) -> bool:
    """Hand something on; False if everything is to end instead."""
    while not halted():
        try:
            target.put(item, timeout=_LOOK_AGAIN)
            return True
        except queue.Full:
            continue
    return False


def take(source: queue.Queue[Any], halted: Callable[[], bool]) -> Any:
    """The next thing; None at the end, or if everything is to end."""
    while not halted():
        try:
            return source.get(timeout=_LOOK_AGAIN)
        except queue.Empty:
            continue
    return None
