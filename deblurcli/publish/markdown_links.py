"""Where the links of a Markdown text stand in it.

markdown-it reads the text but does not say where its links stand, so its own rules for them are watched as they read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import unescape

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, html_inline, image, link

Span = tuple[int, int]  # begin and end in the text

_COMMENT_OR_TARGET = re.compile(
    r"""<!--.*?-->|\s(?:href|src)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s"'>]+))""", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Link:
    """A link or a picture with a target of its own.

    Attributes:
        target: what it leads to, without escapes and entities.
        destination: place of the target as it is written, with its <> in Markdown, without the quotes in HTML.
        brackets: places of what encloses the words of a link, such as "[" and "](target)". None in HTML, and in
            definitions of a label.
    """

    target: str
    destination: Span
    brackets: tuple[Span, Span] | None = None


def find_links(text: str) -> list[Link]:
    """Links of a text in CommonMark with tables, by their place. Code and comments hold none.

    Lines must end as `read_text` gives them.
    """
    return sorted(_Finder(text).links, key=lambda found: found.destination)


class _Finder:
    """What has been found, and where each character stands of the piece of text that is being read."""

    def __init__(self, text: str) -> None:
        self.links: list[Link] = []
        self.places: Sequence[int] = range(len(text))  # as it is for definitions, which are read first
        parser = MarkdownIt("commonmark").enable("table")
        parser.block.ruler.at("reference", self.definition)
        parser.core.ruler.at("inline", self.pieces)
        parser.inline.ruler.at("link", lambda state, silent: self.link(link, "[", state, silent))
        parser.inline.ruler.at("image", lambda state, silent: self.link(image, "![", state, silent))
        parser.inline.ruler.at("html_inline", self.html_inline)
        parser.parse(text)

    def definition(self, state: StateBlock, first: int, last: int, silent: bool) -> bool:
        """[label]: target; not [^1]: words, which are a footnote on the Hub."""
        matched = reference(state, first, last, silent)
        begin = state.bMarks[first] + state.tShift[first]
        if matched and not silent and not state.src.startswith("[^", begin):
            self._add_destination(state, state.src.index("]:", begin) + 2, state.eMarks[state.line - 1])
        return matched

    def pieces(self, state: StateCore) -> None:
        """Read paragraphs, headings, cells and HTML, which come without what their lines begin with, such as "> "."""
        lines = [0, *(match.end() for match in re.finditer("\n", state.src))]
        at = 0
        for token in state.tokens:
            if token.type not in ("inline", "html_block") or not token.map:
                continue
            at = max(at, lines[token.map[0]])  # the cells of a row share its line
            self.places = places = []
            for char in token.content:
                if char == "\n" or not char.isspace():  # a tab may have become spaces
                    at = state.src.find(char, at) + 1 or len(state.src)  # the last newline may be missing
                places.append(at - 1)
            if token.type == "inline":
                state.md.inline.parse(token.content, state.md, state.env, [])
            else:
                self._add_attributes(token.content, 0)

    def link(self, rule: Callable[[StateInline, bool], bool], opening: str, state: StateInline, silent: bool) -> bool:
        """[words](target "title") and ![words](target), which may hold each other."""
        source, start, places = state.src, state.pos, self.places
        if silent or not source.startswith(opening, start):
            return rule(state, silent)
        words = start + len(opening)
        close = state.md.helpers.parseLinkLabel(state, words - 1, rule is link)
        self.places = places[words:close] if rule is image else places  # the words of a picture are read on their own
        matched = rule(state, silent)
        self.places = places
        if matched and source.startswith("](", close) and state.pos > close + 1 and source[state.pos - 1] == ")":
            self._add_destination(
                state, close + 2, state.pos, (self._place(start, words), self._place(close, state.pos))
            )
        return matched

    def html_inline(self, state: StateInline, silent: bool) -> bool:
        start = state.pos
        matched = html_inline(state, silent)
        if matched and not silent:
            self._add_attributes(state.src[start : state.pos], start)
        return matched

    def _add_destination(
        self, state: StateInline | StateBlock, begin: int, end: int, brackets: tuple[Span, Span] | None = None
    ) -> None:
        while state.src[begin].isspace():
            begin += 1
        written = state.md.helpers.parseLinkDestination(state.src, begin, end)
        if written.str:
            self.links.append(Link(written.str, self._place(begin, written.pos), brackets))

    def _add_attributes(self, html: str, offset: int) -> None:
        for match in _COMMENT_OR_TARGET.finditer(html):
            if group := match.lastindex:
                place = self._place(match.start(group) + offset, match.end(group) + offset)
                self.links.append(Link(unescape(match[group]), place))

    def _place(self, begin: int, end: int) -> Span:
        return self.places[begin], self.places[end - 1] + 1
