"""A page for a browser that holds its own style and script, and lets no others in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template

from deblurcli.display import encodable

VIEWER = __package__


def part(package: str, name: str) -> str:
    """A style or script that lies beside a package's modules."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def make_page(title: str, body: str, styles: Sequence[str], scripts: Sequence[str], *, own_server: bool = False) -> str:
    """A whole HTML page, which UTF-8 can encode.

    Its content security policy forbids everything but what is given here and pictures inside the page, so it can be
    mailed, archived and opened offline, and nothing in a file's name can run.

    Args:
        title: in plain text.
        body: HTML, in which the caller has escaped what others wrote.
        styles, scripts: CSS and JavaScript, in this order.
        own_server: also let the page ask the server it came from, for pictures among others.
    """
    style, script = "".join(styles), '"use strict";\n' + "".join(scripts)
    own = " 'self'" if own_server else ""
    policy = [
        "default-src 'none'",
        f"img-src data:{own}",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        *(["connect-src 'self'"] if own_server else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    text = Template(part(VIEWER, "page.html")).substitute(
        policy="; ".join(policy), title=escape(title), style=style, body=body, script=script
    )
    return encodable(text)


def _hash(text: str) -> str:
    """What the content security policy calls this style or script, the only one it then lets in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
