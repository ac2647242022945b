"""Rule files: which country gets which rules, and what a wrong file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sen4cap_core.errors import ConfigurationError
from sen4cap_core.kernels.practices.rules import FACTS
from sen4cap_core.processors.l4c.country_rules import as_arrays, load_rule_book, read_country_rules

START = "format = 1\nversion = '1'\n[[nfc]]\nm6 = 'presence'\n"


def test_countries_find_their_rules() -> None:
    book = load_rule_book("FL")
    assert book.sets[book.find("LTU", "PDJ")].rules[0].forget_harvest
    assert book.sets[book.find("LTU", "anything")].rules == ()
    assert book.sets[book.find("ITA-34", "x")].period_ends_at_mark
    assert book.find("XXX", "x") == book.find("ESP", "x") == book.find("LTU2", "PDJ")
    assert book.version_of("CZE").startswith("CZE")
    assert book.version_of("XXX").startswith("default")


def test_facts_become_bits() -> None:
    book = load_rule_book("NFC")
    arrays = as_arrays(book.sets, 0, 0)
    s = book.find("ROU", "NA")
    rules = book.sets[s].rules
    assert arrays.n_rules[s] == len(rules)
    for r, rule in enumerate(rules):
        assert [FACTS[b] for b in range(len(FACTS)) if arrays.asks[s, r] >> b & 1] == sorted(
            rule.when, key=FACTS.index
        )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (START + "rules = [{when = ['rain'], index = 'POOR'}]", "rain"),
        (START + "rules = [{when = [], index = 'GOOD'}]", "index"),
        ("format = 1\nversion = '1'\nfalow = []", "falow"),
        ("format = ", "TOML"),
    ],
)
def test_wrong_rule_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "xxx.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        read_country_rules(path)
