"""`deblur review FOLDER`: looking at what was restored, and marking what to do about it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.options import Overwrite, Quiet
from deblurcli.errors import UsageError

if TYPE_CHECKING:
    from deblurcli.review.pairs import Found

EPILOG = """\
**Marks**: keep, redo or remove, set by K, R and X. `deblur --from-marks FILE` does again or removes what is marked so,
`--strength 0.5` or `--model srn-fast` says how."""


@command
def review(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of results; or of photos with their results beside.", readable=False),
    ],
    before: Annotated[
        Path | None,
        typer.Option(help="Folder of the originals. Default: where the records of the run say.", readable=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page. Default: FOLDER-review.html beside it.", readable=False),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Write no page but serve it to a browser on this machine, with whole photos."),
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve. Default: any free one.")] = 0,
    marks: Annotated[
        Path | None,
        typer.Option(help="With --serve: file of the marks. Default: FOLDER-marks.json beside it.", readable=False),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Also open it in the browser.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Look at befores and afters: one page with a slider, zoom, filters by how much changed, and marks.

    `deblur review sharp/` writes sharp-review.html, which needs nothing but itself and shows the part of each photo
    that changed most. `deblur review sharp/ --serve` shows whole photos.
    """
    if serve and output:
        raise UsageError("--serve and --output: a page is either served or written; give only one")
    if not serve and (port or marks):
        raise UsageError("--port and --marks: belong to --serve; a page that is written saves its marks in the browser")
    from deblurcli.review.pairs import find_pairs

    console.set_mode(quiet=quiet)
    found = find_pairs(folder, before)
    for note in found.notes:
        console.say(f"deblur: {note}")
    if not found.pairs:
        raise UsageError(f"{folder}: no before is left that belongs to a result; name the folder with --before")
    made = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    if serve:
        serve_page(found, marks, made, port, open_it)
    else:
        write(found, output, made, open_it, overwrite)


def write(found: Found, output: Path | None, made: str, open_it: bool, overwrite: bool) -> None:
    from deblurcli.cli.progress import counting
    from deblurcli.review.write import write_page

    path = output or beside(found, "-review.html")
    name = beside(found, "-marks.json").name
    with counting("photos") as bar:
        task = bar.add_task("", total=len(found.pairs), status="")

        def advance(done: int) -> None:
            bar.update(task, completed=done)

        problems = write_page(
            path, found.folder, found.pairs, made=made, marks_name=name, overwrite=overwrite, advance=advance
        )
    for problem in problems:
        console.problem(problem)
    console.say(f"{path}: written, {path.stat().st_size / 1e6:.1f} MB; open it in a browser")
    if open_it:
        open_in_browser(path.resolve().as_uri())


def serve_page(found: Found, marks: Path | None, made: str, port: int, open_it: bool) -> None:
    from deblurcli.review.serve import ReviewServer

    path = (marks or beside(found, "-marks.json")).resolve()
    server = ReviewServer(found.folder, found.pairs, path, made, port)
    console.problem(f"marks are kept in {path}; Ctrl-C ends")
    print(server.url, flush=True)
    if open_it:
        open_in_browser(server.url)
    try:
        server.run()
    except KeyboardInterrupt:  # the usual end
        console.say("")


def beside(found: Found, end: str) -> Path:
    """A file beside the folder of results that has its name."""
    return found.folder.with_name(found.folder.name + end)


def open_in_browser(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        console.problem(f"no browser found; open {url} in one")
