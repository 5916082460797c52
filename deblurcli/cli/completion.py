"""`deblur completion SHELL`: what the Tab key offers, as a script for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from deblurcli.cli.edge import command

NAMES = ("deblur", "deblurcli")


class Shell(str, Enum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@dataclass(frozen=True)
class Option:
    """An option: its spellings, whether a value follows, which values there are, and its help in a line."""

    spellings: tuple[str, ...]
    takes_value: bool
    values: tuple[str, ...]
    help: str


@command
def completion(shell: Annotated[Shell, typer.Argument(help="The shell.", show_default=False)]) -> None:
    """Print a script that lets the Tab key complete commands, options and names of models.

    bash: `deblur completion bash > ~/.local/share/bash-completion/completions/deblur`; zsh: add `eval "$(deblur
    completion zsh)"` to ~/.zshrc; fish: `deblur completion fish > ~/.config/fish/completions/deblur.fish`.
    """
    options = dict(commands_and_options())
    print(as_fish(options) if shell is Shell.fish else as_bash(options, zsh=shell is Shell.zsh))


def commands_and_options() -> Iterator[tuple[str, list[Option]]]:
    """Each command, such as "bench" and "weights list", with its options; the main job as ""."""
    from deblurcli.cli.app import commands, restore_app
    from deblurcli.models.catalog import catalog

    models = tuple(catalog())

    def walk(name: str, app: typer.Typer) -> Iterator[tuple[str, list[Option]]]:
        for each in app.registered_commands:
            assert each.callback is not None
            word = each.name or each.callback.__name__.replace("_", "-")
            yield f"{name} {word}".strip(), options_of(each.callback, models)
        for group in app.registered_groups:
            assert group.typer_instance is not None and isinstance(group.name, str)
            yield group.name, []
            yield from walk(f"{name} {group.name}".strip(), group.typer_instance)

    (main_job,) = restore_app.registered_commands
    assert main_job.callback is not None
    yield "", options_of(main_job.callback, models)
    yield from walk("", commands)


def options_of(function: Callable[..., object], models: tuple[str, ...]) -> list[Option]:
    """The options of a command, by its signature."""
    found = []
    for name, kind in get_type_hints(function, include_extras=True).items():
        told = next((each for each in getattr(kind, "__metadata__", ()) if isinstance(each, OptionInfo)), None)
        if told is None:
            continue
        given = (
            told.default,
            *(told.param_decls or ()),
        )  # in an annotation the first spelling stands where a default does
        declared = [word for word in given if isinstance(word, str)] or [f"--{name.replace('_', '-')}"]
        inside = getattr(kind, "__origin__", kind)
        is_flag = bool in (inside, *get_args(inside))
        values = models if "--model" in declared else tuple(map(str, getattr(inside, "__members__", ())))
        spellings = tuple(word for each in declared for word in each.split("/") if word.startswith("-"))
        found.append(Option(spellings, not is_flag, values, (told.help or "").split(". ")[0].replace("`", "")))
    return found


def as_bash(options: dict[str, list[Option]], *, zsh: bool) -> str:
    """For bash, and for zsh by its own emulation of bash's completion."""
    words = {name: " ".join(word for each in found for word in each.spellings) for name, found in options.items()}
    first = " ".join(name for name in options if name and " " not in name)
    groups = [name for name in options if any(other.startswith(f"{name} ") for other in options) and name]
    values = {
        word: " ".join(each.values)
        for found in options.values()
        for each in found
        for word in each.spellings
        if each.takes_value and each.values
    }
    lines = [
        *(["autoload -Uz compinit bashcompinit", "compinit", "bashcompinit"] if zsh else []),
        "_deblur() {",
        '    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
        '    case "$before" in',
        *(f"    {word}) words={shlex.quote(text)} ;;" for word, text in values.items()),
        "    *)",
        '        case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in',
        *(f"        {shlex.quote(name)}) words={shlex.quote(text)} ;;" for name, text in words.items() if " " in name),
        "        *)",
        '            case "${COMP_WORDS[1]}" in',
        *(
            f"            {name}) words={shlex.quote(_inside(name, options) if name in groups else text)} ;;"
            for name, text in words.items()
            if name and " " not in name
        ),
        f"            *) words={shlex.quote(words[''])} ;;",
        "            esac ;;",
        "        esac ;;",
        "    esac",
        f'    [ "$COMP_CWORD" = 1 ] && words="$words {first}"',
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o default -o bashdefault -F _deblur {' '.join(NAMES)}",
    ]
    return "\n".join(lines)


def as_fish(options: dict[str, list[Option]]) -> str:
    """For fish, which also shows what an option is for."""
    first = [name for name in options if name and " " not in name]
    lines = []
    for program in NAMES:
        lines.append(f"complete -c {program} -n __fish_is_first_arg -a {shlex.quote(' '.join(first))}")
        for name, found in options.items():
            *_, last = name.split() or [""]
            seen = "__fish_seen_subcommand_from"
            within = f"{seen} {last}" if name else f"not {seen} {' '.join(first)}"
            start = f"complete -c {program} -n {shlex.quote(within)}"
            if inside := _inside(name, options):
                lines.append(f"{start} -f -a {shlex.quote(inside)}")
            lines += [f"{start} {_fish_option(each)}" for each in found]
    return "\n".join(lines)


def _fish_option(option: Option) -> str:
    spelt = (f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.spellings)
    value = ["-r"] if option.takes_value else []
    values = ["-f", "-a", shlex.quote(" ".join(option.values))] if option.values else []
    return " ".join([*spelt, *value, *values, "-d", shlex.quote(option.help)])


def _inside(group: str, options: dict[str, list[Option]]) -> str:
    """The commands of a group; nothing if it is none."""
    return " ".join(name.split()[-1] for name in options if group and name.startswith(f"{group} "))
