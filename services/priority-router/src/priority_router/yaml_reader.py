"""Reads YAML so that a mistake can be named with its line; collects mistakes instead of stopping at the first."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

import yaml

_DURATION = re.compile(r"(?:\d+(?:ms|[smhd]))+")
_PART = re.compile(r"(\d+)(ms|[smhd])")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
MAX_NAME = 64
MAX_CONDITION = 2_000  # what is much longer overflows the stack of the CEL library


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a file, where, and what to write instead."""

    file: str
    line: int
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}; {self.instead}"


class Reader:
    """Takes values out of YAML nodes. A wrong value becomes a mistake and reads as None."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def wrong(self, node: yaml.Node, what: str, instead: str) -> None:
        """Note a mistake at the node."""
        self.mistakes.append(Mistake(self.file, node.start_mark.line + 1, what, instead))

    def document(self, text: str) -> yaml.Node | None:
        """The root of the text."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark is not None else 1
            problem = str(getattr(error, "problem", None) or error).split("\n", 1)[0]
            what = f"this is not YAML ({problem})"
            self.mistakes.append(Mistake(self.file, line, what, "check indentation, quotes and brackets"))
            return None
        except RecursionError:
            self.mistakes.append(Mistake(self.file, 1, "brackets are nested too deep", "write a policy"))
            return None
        if node is None:
            self.mistakes.append(Mistake(self.file, 1, "the file is empty", "write a policy"))
        return node

    def fields(self, node: yaml.Node, what: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        """The values of a mapping by key; unknown and repeated keys are mistakes."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} must be a mapping", f"give it the keys {', '.join(known)}")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"
                self.wrong(key, f"{what} has no key {name}", hint)
            elif name in found:
                self.wrong(key, f"{name} stands twice in {what}", "keep one of them")
            else:
                found[name] = value
        return found

    def required(self, node: yaml.Node, fields: dict[str, yaml.Node], what: str, *names: str) -> None:
        """Note the keys that are missing."""
        if isinstance(node, yaml.MappingNode):
            for name in names:
                if name not in fields:
                    self.wrong(node, f"{what} has no {name}", f"add {name}")

    def items(self, node: yaml.Node, what: str) -> Iterator[yaml.Node]:
        """The nodes of a list."""
        if isinstance(node, yaml.SequenceNode):
            yield from node.value
        else:
            self.wrong(node, f"{what} must be a list", "write one item per line, each behind a dash")

    def text(self, node: yaml.Node, what: str) -> str | None:
        """A text of 1 to 64 printable characters."""
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":str"):
            written = node.value if isinstance(node, yaml.ScalarNode) else "..."
            self.wrong(node, f"{what} must be text", f'put it in quotes: "{written}"')
        elif not (1 <= len(node.value) <= MAX_NAME and node.value.isprintable()):
            self.wrong(node, f"{what} must have 1 to {MAX_NAME} printable characters", "choose a shorter name")
        else:
            return str(node.value)
        return None

    def condition(self, node: yaml.Node) -> str | None:
        """A CEL expression; a bare true is understood."""
        if isinstance(node, yaml.ScalarNode) and node.tag.rsplit(":", 1)[-1] in {"str", "bool"}:
            if len(node.value) <= MAX_CONDITION:
                return str(node.value)
            self.wrong(node, f"when has more than {MAX_CONDITION} characters", "write several bands instead of one")
            return None
        self.wrong(node, "when must be a condition in quotes", "write for example when: \"tier == 'gold'\"")
        return None

    def one_of(self, node: yaml.Node, what: str, words: tuple[str, ...]) -> str | None:
        """One of some words."""
        if isinstance(node, yaml.ScalarNode) and node.value in words:
            return str(node.value)
        written = node.value if isinstance(node, yaml.ScalarNode) else "this"
        self.wrong(node, f"{what} {written} is not known", f"choose one of {', '.join(words)}")
        return None

    def whole(self, node: yaml.Node, what: str) -> int | None:
        """A whole number from 0."""
        if isinstance(node, yaml.ScalarNode) and re.fullmatch(r"\d{1,9}", node.value):
            return int(node.value)
        self.wrong(node, f"{what} must be a whole number", "write 0 or more, for example 1")
        return None

    def duration(
        self, node: yaml.Node, what: str, may_be: Callable[[timedelta], bool] = lambda _: True
    ) -> timedelta | None:
        """A time span such as 4h, 1h30m or 2s."""
        written = node.value if isinstance(node, yaml.ScalarNode) else "this"
        if isinstance(node, yaml.ScalarNode) and _DURATION.fullmatch(node.value):
            try:
                span = sum((int(n) * _UNITS[unit] for n, unit in _PART.findall(node.value)), timedelta())
            except (OverflowError, ValueError):  # of thousands of digits Python makes no number
                span = timedelta.max
            if span < timedelta(days=3650) and may_be(span):
                return span
            self.wrong(node, f"{what} {written} is too long or too short", "choose a span that makes sense")
        else:
            self.wrong(node, f"{what} {written} is not a time span", "write for example 30m, 4h, 3d or 1h30m")
        return None
