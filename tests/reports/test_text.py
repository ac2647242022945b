from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sen4cap_core.reports.pages import text
from sen4cap_core.reports.pages.tables import markdown_table

RENDER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

names = st.text(
    st.sampled_from(list("ab1 .-+=#>|`*_~[](){}<>!\\/:&;\"'$@^\n\t")) | st.characters(), max_size=40
)


class Page(HTMLParser):
    """Tags and the text of a rendered page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th", "p", "li"):
            self.cells.append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "p", "li"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


def shown(name: str) -> str:
    """What a reader is to see of a name: one line, without invisible characters."""
    plain = text.escape(name)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain)


@given(names)
@example("<script>alert(1)</script>")
@example("a|b")
@example("a\\|b")
@example("![x](http://x/y.png)")
@example("[x](javascript:alert(1))")
@example("`code` **bold** ~~gone~~")
@example("&lt;b&gt; &#60;b&#62;")
@example("# heading")
@example("1. list")
@example("- list\n- more")
@example("---")
def test_a_name_cannot_leave_its_table_cell_or_make_markup(name: str) -> None:
    page = Page(RENDER.render(markdown_table(["file", "kind"], [[name, "scene"]])))

    assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert " ".join(page.cells[2].split()) == " ".join(shown(name).split())
    assert page.cells[3].strip() == "scene"


@given(names)
@example("1. list")
@example("12) list")
@example("+ list")
@example("=====")
@example("    code")
@example("> quote")
def test_a_name_on_a_line_of_its_own_is_a_paragraph(name: str) -> None:
    page = Page(RENDER.render(text.document("before", name, "after")))

    assert set(page.tags) == {"p"}
    assert page.cells[0] == "before"
    assert page.cells[-1] == "after"


def test_web_addresses_in_names_do_not_become_links() -> None:
    linking = MarkdownIt("commonmark").enable("table")

    for name in ("http://evil.example/x", "www.evil.example", "<http://evil.example>", "a@evil.example"):
        assert "<a" not in linking.render(text.escape(name))
        assert not re.search(r"https?://|www\.|(?<!\\)@", text.escape(name))


def test_invisible_and_direction_turning_characters_show() -> None:
    assert text.escape("scene\u202egpj.exe") == "scene\ufffdgpj.exe"
    assert text.escape("a\x00b\x1b[31mc") == "a\ufffdb\ufffd\\[31mc"
    assert text.escape("two\nlines\tone") == "two lines one"


def test_ordinary_names_stay_readable() -> None:
    for number in ("1.23", "-1.5", "0.500", "2019-06-16", "-", "+3"):
        assert Page(RENDER.render(text.escape(number))).cells == [number]
    assert text.escape("1.23") == "1.23"
    assert text.escape("-1.5") == "-1.5"
    assert text.escape("declarations 2019.zip") == "declarations 2019.zip"
    assert text.escape("Wiesen über 5 ha, nördlich – Teil 2") == "Wiesen über 5 ha, nördlich – Teil 2"


def test_links_go_to_the_web_or_this_server_only() -> None:
    assert text.link("a run", "http://127.0.0.1:4200/runs/1") == "[a run](http://127.0.0.1:4200/runs/1)"
    assert text.link("a run", "/runs/(1)|x") == "[a run](/runs/%281%29%7Cx)"
    for bad in (
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "http://a b",
        'http://a"b',
        None,
    ):
        assert text.link("a run", bad) == "a run"


def test_a_table_of_uneven_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="row of 1 cells"):
        markdown_table(["a", "b"], [["x"]])
    with pytest.raises(ValueError, match="1 alignments"):
        markdown_table(["a", "b"], [], ["left"])


def test_an_empty_table_and_empty_cells_render() -> None:
    page = Page(RENDER.render(markdown_table(["a", "b"], [[None, 0]], ["right", "center"])))

    assert page.cells == ["a", "b", "", "0"]


def test_a_picture_is_inside_the_text() -> None:
    png = b"\x89PNG\r\n\x1a\nrest"

    html = RENDER.render(text.image("a [picture]", png))

    assert base64.b64encode(png).decode() in html
    assert 'alt="a [picture]"' in html
    with pytest.raises(ValueError, match="not a PNG"):
        text.png_data_uri(b"GIF89a")


def test_numbers_carry_their_units() -> None:
    thin = "\u202f"
    assert text.count(1234567) == f"1{thin}234{thin}567"
    assert text.percent(0.8766) == f"87.7{thin}%"
    assert text.percent(None) == text.percent(float("nan")) == "–"
    assert text.share(3, 4) == f"3 of 4 (75.0{thin}%)"
    assert text.share(0, 0) == "0 of 0"
    sizes = [text.size(n) for n in (999, 1000, 1_234_567, 999_600, 5_000_000_000_000)]
    assert sizes == [f"999{thin}B", f"1{thin}kB", f"1.23{thin}MB", f"1{thin}MB", f"5{thin}TB"]
    durations = [text.duration(s) for s in (0.423, 12.34, 59.97, 185.2, 7620)]
    assert durations == [
        f"0.42{thin}s",
        f"12.3{thin}s",
        f"1{thin}min 00{thin}s",
        f"3{thin}min 05{thin}s",
        f"2{thin}h 07{thin}min",
    ]
    assert text.day(date(2019, 6, 16)) == "2019-06-16"
    assert text.day(datetime(2019, 6, 16, 11, 6, tzinfo=UTC)) == f"2019-06-16 11:06{thin}UTC"
    assert text.day(None) == "–"
