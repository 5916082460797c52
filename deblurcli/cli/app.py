"""The two faces of the command line: the main job without a command word, and the commands beside it."""

from __future__ import annotations

import typer

from deblurcli.cli import batch, bench, doctor, restore, review, synth, train, weights

restore_app = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
restore_app.command(epilog=restore.EPILOG)(restore.restore)

commands = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False)
commands.command(epilog=batch.EPILOG)(batch.batch)
commands.command(epilog=bench.EPILOG)(bench.bench)
commands.command()(doctor.doctor)
commands.command(epilog=review.EPILOG)(review.review)
commands.command()(synth.synth)
commands.command()(train.train)
commands.add_typer(weights.app, name="weights")
