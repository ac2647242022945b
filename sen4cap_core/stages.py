"""The named parts of long work: "step 2 of 5: features", and how far it is altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def say_nothing(text: str) -> None:
    """Take a text and leave it."""


def show_nothing(fraction: float) -> None:
    """Take how far work is, 0..1, and leave it."""


@dataclass(frozen=True)
class Stages:
    """Parts of work in their order."""

    shares: Mapping[str, float]
    """About the share of the time that each part takes, by its name; any unit."""
    say: Callable[[str], None] = say_nothing
    """Gets a sentence when a part begins."""
    show: Callable[[float], None] = show_nothing
    """Gets 0..1 of the whole."""

    def begin(self, name: str) -> Callable[[float], None]:
        """Say that a part begins; return what takes how far the part is, 0..1.

        Raises
        ------
        KeyError
            There is no part of this name.
        """
        names = list(self.shares)
        total = sum(self.shares.values())
        share = self.shares[name] / total
        before = sum(self.shares[earlier] for earlier in names[: names.index(name)]) / total
        # The sentence is shown beside the share done, which is therefore told first.
        self.show(before)
        self.say(f"step {names.index(name) + 1} of {len(names)}: {name}")
        return lambda fraction: self.show(before + share * fraction)

    def end(self) -> None:
        """Show that all is done."""
        self.show(1.0)
