"""What a result holds of its source, found by looking into it; the notes on the difference."""

from __future__ import annotations

from pathlib import Path

import av

from deblurcli.display import listed
from deblurcli.video.clip import FOLDER, Clip
from deblurcli.video.formats import same_kind
from deblurcli.video.join import described
from deblurcli.video.names import WORDS
from deblurcli.video.plan import VideoPlan
from deblurcli.video.probe import looked_into


def differences(plan: VideoPlan, result: Path) -> list[str]:
    """Notes on what is not in the file that has just been written; nothing that was kept is trusted to be so."""
    source = plan.clip
    found = looked_into(result)
    where = WORDS[plan.layout.container]
    missing: list[str] = []
    notes: list[str] = []
    if source.display_matrix and source.display_matrix != found.display_matrix:
        missing.append("rotation")
    if (source.aspect or 1) != (found.aspect or 1):
        missing.append("sample aspect")
    missing += _colours(plan, found)
    if source.mastering and not found.mastering:
        missing.append("HDR mastering display")
    if source.light and not found.light:
        missing.append("HDR light levels")
    if len(found.chapters) < len(source.chapters) and plan.span.start is None and plan.span.end is None:
        missing.append("chapters")
    wanted = described(source.metadata)
    have = {key.lower(): value for key, value in found.metadata.items()}
    lost = [key for key, value in wanted.items() if have.get(key.lower()) != value]
    if lost:
        missing.append(f"metadata ({listed(sorted(lost))})")
    languages = _languages(source, plan) - set(_languages_of(found))
    if languages:
        missing.append(f"language of its streams ({listed(sorted(languages))})")
    if source.fields and not found.fields:
        notes.append("its frames are interlaced, and the result does not say so: players may show combs")
    if missing:
        notes.append(f"{where} has no place here for its {listed(missing)}: left out")
    return notes


def _colours(plan: VideoPlan, found: Clip) -> list[str]:
    source = plan.clip.colour
    told = []
    if source.primaries not in (2, found.colour.primaries) or source.transfer not in (2, found.colour.transfer):
        told.append("colour primaries or transfer")
    # RGB says the same of itself in every file.
    alike = same_kind(plan.clip.pixel_format, plan.coding.pixel_format) and source.matrix != 0
    if alike and source.matrix not in (2, found.colour.matrix):
        told.append("colour matrix")
    if alike and source.range not in (0, found.colour.range):
        told.append("colour range")
    return told


def _languages(source: Clip, plan: VideoPlan) -> set[str]:
    if source.container == FOLDER:
        return set()
    indices = {track.index for track in plan.layout.tracks} | {source.stream}
    with av.open(str(source.path), metadata_errors="replace") as file:
        return {
            one.metadata["language"]
            for one in file.streams
            if one.index in indices and one.metadata.get("language", "und") != "und"
        }


def _languages_of(found: Clip) -> set[str]:
    with av.open(str(found.path), metadata_errors="replace") as file:
        return {one.metadata["language"] for one in file.streams if "language" in one.metadata}
