"""What a file of marks asks for, checked against the files as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.images import is_image_name
from deblurcli.jobs.stores.files import fingerprint_of
from deblurcli.review.marks import Marked, Marks


@dataclass(frozen=True)
class Decided:
    """What is to be done.

    Attributes:
        redo, remove: results that are still those that were looked at.
        left_alone: a line for every mark that cannot be followed, and why.
    """

    redo: list[Marked]
    remove: list[Marked]
    left_alone: list[str]


def decide(marks: Marks) -> Decided:
    """Follow only marks on results that have not changed since, so that the same file of marks can be given again.

    Raises:
        InputError: if a mark is on what is no result in the folder of results, or is a photo itself.
    """
    originals = {each.before.resolve() for each in marks.photos}
    decided = Decided([], [], [])
    for each in marks.photos:
        if each.mark == "keep":
            continue
        label, real = display_name(each.after), each.after.resolve()
        if not real.is_relative_to(marks.folder.resolve()) or real in originals or not is_image_name(each.after):
            raise InputError(
                f"{label}: is no result in {display_name(marks.folder)}; save the marks anew in deblur review"
            )
        if reason := _reason_against(each):
            decided.left_alone.append(f"{label}: marked {each.mark}, but {reason}; left alone")
        else:
            (decided.redo if each.mark == "redo" else decided.remove).append(each)
    return decided


def remove_results(results: Sequence[Marked]) -> None:
    """Remove results from the disk.

    Raises:
        OutputError: if one cannot be removed; those before it are gone.
    """
    for each in results:
        try:
            each.after.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{display_name(each.after)}: cannot be removed ({error.strerror})") from None


def _reason_against(each: Marked) -> str | None:
    stamp = fingerprint_of(each.after)
    if not stamp:
        return "it is gone"
    if stamp != each.stamp:
        return "it has changed since"
    return None if each.before.is_file() else f"{display_name(each.before)} is gone, of which it was made"
