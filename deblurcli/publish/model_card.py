"""A model card for the Hub: front matter in the Hub's own format, the card's text, and what was measured."""

from __future__ import annotations

import json
import re
from typing import Any

from deblurcli.bench.results import BASELINE
from deblurcli.bench.writers.tables import quality_table
from deblurcli.bench.writers.wording import one_line
from deblurcli.errors import InputError, UsageError
from deblurcli.models.checkpoint import ModelInfo
from deblurcli.publish.card_links import WEIGHTS
from deblurcli.publish.measured import Measured, eval_results

# Of https://huggingface.co/docs/hub/repositories-licenses, those that are not about one company's model.
_HUB_LICENCES = (
    "afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear "
    "bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 "
    "cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 "
    "cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 "
    "gfdl gpl gpl-2.0 gpl-3.0 isc lgpl lgpl-2.1 lgpl-3.0 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 "
    "openmdw-1.0 openrail openrail++ osl-3.0 pddl postgresql unknown unlicense wtfpl zlib"
)


def hub_licence(licence: str) -> dict[str, str]:
    """The licence as the Hub's front matter has it: {"license": "cc-by-sa-4.0"} for "CC BY-SA 4.0".

    One that the Hub does not know is {"license": "other", "license_name": ...}.
    """
    plain = re.sub(r"[\s_]+", "-", licence.strip().lower())
    plain = re.sub(r"-licen[cs]e\b|-only$|-or-later$", "", plain)
    plain = {"": "unknown", "cc0": "cc0-1.0"}.get(plain, plain)
    if plain in _HUB_LICENCES.split():
        return {"license": plain}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", plain).strip("-") or "unnamed"}


def model_card(info: ModelInfo, text: str, source: str, measured: Measured | None) -> str:
    """The README.md of a published model.

    Args:
        info: what the checkpoint says about itself.
        text: of a card, which may have front matter of its own; what it says there is kept.
        source: of that text, named in errors.
        measured: figures, or None to claim none.

    Raises:
        InputError: if the card's front matter is not YAML.
        UsageError: if it claims figures, or names another licence than the checkpoint.
    """
    from huggingface_hub import ModelCardData

    own, body = _split(text, source)
    if "model-index" in own:
        raise UsageError(f"{source}: claims figures in its front matter (model-index); use --metrics in their place")
    licence = hub_licence(info.licence)
    if stated := own.get("license"):
        if licence != {"license": "unknown"} and stated != licence["license"]:
            raise UsageError(
                f"{source}: names the licence {stated}, the checkpoint {info.licence}; correct the one that is wrong"
            )
        licence = {key: own[key] for key in ("license", "license_name", "license_link") if key in own}
    tags = own.get("tags") or []
    results = eval_results(measured) if measured else []
    ours: dict[str, Any] = {
        "library_name": "deblurcli",
        **licence,
        "pipeline_tag": "image-to-image",
        "tags": [
            *["deblurring", "image-restoration", info.architecture, "motion-blur"],
            *(tags if isinstance(tags, list) else [tags]),
        ],
    }
    if results:
        ours |= {"model_name": info.name, "eval_results": results}
    others = {key: value for key, value in own.items() if key not in ours}
    front = ModelCardData(**ours, **others).to_yaml()
    parts = [body.strip(), *([_benchmark(measured)] if measured else [])]
    return f"---\n{front}\n---\n\n" + "\n\n".join(parts) + "\n"


def minimal_card(info: ModelInfo, parameters: int) -> str:
    """The text of a card for a checkpoint that came without one: only what it says about itself."""
    facts = {
        "architecture": info.architecture,
        "parameters": f"{parameters:,}",
        **{str(key): json.dumps(value, ensure_ascii=False) for key, value in info.config.items()},
        "version": info.version,
        "licence": info.licence,
    }
    if isinstance(steps := info.training.get("steps"), int):
        facts["training steps"] = f"{steps:,}"
    parts = [
        f"# {one_line(info.name)}",
        f"A network of the architecture {_cell(info.architecture)} that removes motion blur from photographs with "
        "deblurcli.",
        f"```sh\ndeblur photo.jpg --model {WEIGHTS}\n```",
        "## What the checkpoint says about itself",
        _table(["", ""], "<<", [[key, value] for key, value in facts.items()]),
    ]
    if info.training:
        parts += ["How it was made:", f"```json\n{json.dumps(info.training, indent=2, ensure_ascii=False)}\n```"]
    return "\n\n".join(parts) + "\n"


def _split(text: str, source: str) -> tuple[dict[str, Any], str]:
    """Front matter and body."""
    if not re.match(r"\s*---[ \t]*\n.*?\n---[ \t]*(\n|$)", text, re.DOTALL):
        return {}, text
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import ModelCard

    try:
        card = ModelCard(text)
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = one_line(" ".join(str(error).split()))[:160]
        raise InputError(f"{source}: its front matter is not as a model card's ({reason}); correct it") from error
    return card.data.to_dict(), card.text  # type: ignore[no-untyped-call]


def _benchmark(measured: Measured) -> str:
    """A section with the measured figures beside those of doing nothing."""
    table = quality_table(measured.quality)
    rows = [[cell.text for cell in row] for row in table.rows]
    run = next(method for method in measured.quality.methods if method.name != BASELINE)
    parts = [
        f"## Benchmark: {_cell(measured.dataset)}",
        _table(list(table.titles), table.sides, rows),
        "Means over the images; gain is PSNR over the blurry input, then the image that gained least and the one that "
        f"gained most. Measured on {_cell(measured.made[:10])} by `deblur bench` of deblurcli "
        f"{_cell(measured.version)}, on {_cell(str(run.device))} in {_cell(str(run.precision))}.",
        *(f"Note: {_cell(note)}." for note in measured.notes),
    ]
    return "\n\n".join(parts)


def _table(titles: list[str], sides: str, rows: list[list[str]]) -> str:
    rule = ["---:" if side == ">" else "---" for side in sides]
    lines = [titles, rule, *([_cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", one_line(text))
