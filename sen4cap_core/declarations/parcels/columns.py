"""Which column holds the parcel id, the holding id and the crop code: said by the user, or guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field

from sen4cap_core.declarations.texts import vocabulary as words
from sen4cap_core.declarations.texts.texts import as_texts, joined
from sen4cap_core.declarations.texts.yaml_models import StrictModel, read_yaml_model
from sen4cap_core.errors import BadUploadError, Problem, nearest_word


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Mode = Literal["update", "incremental", "replace"]

ColumnNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_or_several, json_schema_input_type=str | list[str]),
]
"""One column, or several whose texts are joined with ``-``."""


class ColumnMapping(StrictModel):
    """What declarations.yaml may say; what it leaves out is guessed and reported."""

    parcel_id: ColumnNames | None = Field(default=None, min_length=1)
    """Column, or columns, that tell one parcel from another, the same in the next file."""
    holding_id: ColumnNames | None = Field(default=None, min_length=1)
    """Column, or columns, that tell one holding from another."""
    crop_code: ColumnNames | None = Field(default=None, min_length=1)
    """Column, or columns, with the code of the declared crop."""
    mode: Mode = "update"
    """How the file follows the one before: as the whole of the parcels (``update``), as a part of them whose
    others stay (``incremental``), or as a new beginning that is compared with nothing (``replace``)."""
    file: str | None = None
    """Which file of a zip with several."""
    layer: str | None = None
    """Which layer of a file with several."""
    encoding: str | None = None
    """Character set of a shapefile without a .cpg, ``cp1250``."""
    crs: str | None = None
    """Coordinate reference system of a file without one, ``EPSG:28992``."""


@dataclass(frozen=True)
class ColumnChoice:
    """The columns taken for one role, and why."""

    columns: tuple[str, ...]
    """Empty where the file has none (holding id only)."""
    given: bool
    """True where declarations.yaml named them."""
    reason: str
    others: tuple[str, ...] = ()
    """Other columns that could have been meant, best first."""


@dataclass(frozen=True)
class ColumnChoices:
    """The columns of all three roles."""

    parcel_id: ColumnChoice
    holding_id: ColumnChoice
    crop_code: ColumnChoice


@dataclass(frozen=True)
class _Facts:
    """What a column holds."""

    name: str
    n_rows: int
    n_present: int
    n_distinct: int
    is_text: bool
    is_whole: bool
    """Whole numbers, also when stored as floating point."""
    mean_length: float

    @property
    def distinct_share(self) -> float:
        return self.n_distinct / max(self.n_present, 1)

    @property
    def present_share(self) -> float:
        return self.n_present / max(self.n_rows, 1)


def read_column_mapping(path: Path) -> ColumnMapping:
    """Read declarations.yaml.

    Raises
    ------
    ConfigurationError
        Unknown keys or values that are no column names, each with its line.
    """
    keys = ", ".join(ColumnMapping.model_fields)
    return read_yaml_model(path, ColumnMapping, see=f"it may have {keys}")


def choose_columns(
    path: Path, table: pa.Table, mapping: ColumnMapping | None, *, feature_id: str = ""
) -> ColumnChoices:
    """Take the columns the user named, guess the others by name and content.

    Parameters
    ----------
    path : Path
        The dropped file, for error messages.
    table : pyarrow.Table
        Attributes of all parcels.
    feature_id : str
        Name of the column that is only the stored feature number of a GeoPackage: an id of last resort.

    Raises
    ------
    BadUploadError
        A named column does not exist or is empty; or no column can be a parcel id, or a crop code. The
        message lists all columns and shows a declarations.yaml to write.
    """
    mapping = mapping or ColumnMapping()
    _check_named(path, table, mapping)
    facts = {name: _facts(name, table.column(name)) for name in table.column_names}
    crop = _named(mapping.crop_code) or _best(facts, _crop_score, taken=())
    taken = crop.columns if crop is not None else ()
    holding = _named(mapping.holding_id) or _best(
        facts, _holding_score, taken=(*taken, *(mapping.parcel_id or ()))
    )
    taken = (*taken, *(holding.columns if holding is not None else ()))
    parcel = (
        _named(mapping.parcel_id)
        or _best({n: f for n, f in facts.items() if n != feature_id}, _parcel_score, taken)
        or _best_pair(table, facts, taken)
        or _stored_number(facts, feature_id)
        or _best(facts, _unnamed_score, taken)
    )
    if parcel is None or crop is None:
        raise _no_guess(path, table, parcel, holding, crop)
    if holding is None:
        holding = ColumnChoice((), False, "no column looks like a holding id; each parcel is its own holding")
    return ColumnChoices(parcel, holding, crop)


def _named(columns: Sequence[str] | None) -> ColumnChoice | None:
    return ColumnChoice(tuple(columns), True, "named in declarations.yaml") if columns else None


def _check_named(path: Path, table: pa.Table, mapping: ColumnMapping) -> None:
    problems = []
    for key in ("parcel_id", "holding_id", "crop_code"):
        for name in getattr(mapping, key) or ():
            if name not in table.column_names:
                near = nearest_word(name, table.column_names)
                hint = f"; did you mean {near!r}?" if near else ""
                problems.append(Problem(f"{key}: the file has no column {name!r}{hint}"))
            elif _facts(name, table.column(name)).n_present == 0:
                problems.append(Problem(f"{key}: column {name!r} is empty in all rows"))
    if problems:
        raise BadUploadError(
            path,
            "the columns named in declarations.yaml cannot be used.",
            problems=problems,
            expected=f"columns of the file: {_list(table.column_names)}",
            remedy="correct declarations.yaml (upper and lower case matter) and drop again what was refused.",
        )


def _facts(name: str, column: pa.ChunkedArray) -> _Facts:
    kind = column.type
    n_present = len(column) - column.null_count
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)
    is_whole = pa.types.is_integer(kind)
    n_distinct, mean_length = 0, 0.0
    if is_text:
        texts = column.cast(pa.large_string())
        filled = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(texts), ""), False)
        n_present = pc.sum(filled).as_py() or 0
        n_distinct = pc.count_distinct(texts.filter(filled)).as_py()
        mean_length = pc.mean(pc.utf8_length(texts)).as_py() or 0.0
    elif pa.types.is_floating(kind):
        numbers = column.filter(pc.fill_null(pc.is_finite(column), False))
        n_present, n_distinct = len(numbers), pc.count_distinct(numbers).as_py()
        is_whole = bool(pc.all(pc.equal(numbers, pc.floor(numbers)), min_count=0).as_py())
    elif is_whole:
        n_distinct = pc.count_distinct(column, mode="only_valid").as_py()
    return _Facts(name, len(column), n_present, n_distinct, is_text, is_whole, mean_length)


def _usable(facts: _Facts) -> bool:
    """Whether a column can be an id or a code at all: text or whole numbers, no measure, no date."""
    _, tokens = words.split_name(facts.name)
    return (
        (facts.is_text or facts.is_whole)
        and facts.n_present > 0
        and tokens[-1:] != []
        and not (set(tokens) & words.MEASURE)
    )


def _parcel_score(facts: _Facts) -> float:
    by_name = words.score_name(facts.name, words.PARCEL)
    if not by_name or not _usable(facts) or facts.present_share < 0.5 or facts.distinct_share < 0.95:
        return 0.0
    _, tokens = words.split_name(facts.name)
    shared = 2.0 if set(tokens) & words.REFERENCE else 0.0
    wordy = 1.0 if facts.mean_length > 45 else 0.0
    repeats = 40.0 * (1 - facts.distinct_share)
    gaps = 6.0 * (1 - facts.present_share)
    crop = words.score_name(facts.name, words.CROP) >= words.CERTAIN
    return by_name - shared - wordy - repeats - gaps - (words.EXACT if crop else 0.0)


def _unnamed_score(facts: _Facts) -> float:
    """An id by its content alone: short codes, all different, in a file too long for chance."""
    unique = facts.n_distinct == facts.n_rows and facts.n_rows >= 20
    return 1.0 if _usable(facts) and unique and facts.mean_length <= 40 else 0.0


def _holding_score(facts: _Facts) -> float:
    by_name = words.score_name(facts.name, words.HOLDING)
    if not by_name or not _usable(facts) or facts.present_share < 0.5:
        return 0.0
    constant = 4.0 if facts.n_distinct == 1 and facts.n_rows >= 20 else 0.0
    no_repeats = 3.0 if facts.distinct_share == 1.0 and facts.n_rows >= 50 else 0.0
    return by_name - constant - no_repeats - 4.0 * (1 - facts.present_share)


def _crop_score(facts: _Facts) -> float:
    squashed, tokens = words.split_name(facts.name)
    by_name = words.score_name(facts.name, words.CROP)
    if not by_name or not _usable(facts) or facts.present_share < 0.05:
        return 0.0
    if facts.n_rows >= 30 and facts.distinct_share > 0.6:
        return 0.0
    code = 1.5 if set(tokens) & words.CODE_TOKENS or "kod" in squashed or "cod" in squashed else 0.0
    name = 2.0 if set(tokens) & words.NAME_TOKENS else 0.0
    secondary = 2.0 if set(tokens[1:]) & words.SECONDARY else 0.0
    constant = 1.0 if facts.n_distinct == 1 and facts.n_rows >= 20 else 0.0
    return by_name + code - name - secondary - constant - 6.0 * (1 - facts.present_share)


def _best(
    facts: dict[str, _Facts], score: Callable[[_Facts], float], taken: Sequence[str]
) -> ColumnChoice | None:
    scores = {name: score(one) for name, one in facts.items() if name not in taken}
    ranked = sorted((name for name in scores if scores[name] > 0), key=lambda name: -scores[name])
    if not ranked:
        return None
    best = facts[ranked[0]]
    content = f"{best.n_distinct} different values in {best.n_present} of {best.n_rows} rows"
    return ColumnChoice((best.name,), False, f"guessed: {content}", tuple(ranked[1:4]))


def _best_pair(table: pa.Table, facts: dict[str, _Facts], taken: Sequence[str]) -> ColumnChoice | None:
    """Two columns that only together tell parcels apart: a reference parcel and a number within it."""
    candidates = sorted(
        (
            one
            for one in facts.values()
            if one.name not in taken
            and _usable(one)
            and one.present_share > 0.99
            and one.n_distinct > 1
            and words.score_name(one.name, words.PARCEL)
        ),
        key=lambda one: -one.n_distinct,
    )[:6]
    for first, second in permutations(candidates, 2):
        if first.n_distinct <= second.n_distinct or first.n_distinct * second.n_distinct < first.n_rows:
            continue
        texts = joined([as_texts(table.column(one.name)) for one in (first, second)])
        if len(set(texts)) >= 0.999 * len(texts):
            return ColumnChoice(
                (first.name, second.name), False, "guessed: only together do they tell parcels apart"
            )
    return None


def _stored_number(facts: dict[str, _Facts], feature_id: str) -> ColumnChoice | None:
    if feature_id not in facts:
        return None
    return ColumnChoice(
        (feature_id,),
        False,
        "guessed: the feature number stored in the file, for want of an id",
    )


def _no_guess(
    path: Path,
    table: pa.Table,
    parcel: ColumnChoice | None,
    holding: ColumnChoice | None,
    crop: ColumnChoice | None,
) -> BadUploadError:
    wanted = " and ".join(
        name for name, choice in (("the parcel id", parcel), ("the crop code", crop)) if choice is None
    )
    problems = [
        Problem(f"{name} ({table.column(name).type}), for example {_examples(table.column(name))}")
        for name in table.column_names
    ]

    def line(key: str, choice: ColumnChoice | None) -> str:
        if choice is None or not choice.columns:
            return f"    {key}: <name of a column>"
        shown = choice.columns[0] if len(choice.columns) == 1 else "[" + ", ".join(choice.columns) + "]"
        return f"    {key}: {shown}"

    return BadUploadError(
        path,
        f"no column could be recognised as {wanted}. The columns are:",
        problems=problems,
        expected="a column with an id of each parcel, and one with its crop code",
        remedy="write a file declarations.yaml beside it and drop the parcels again:\n"
        + "\n".join((line("parcel_id", parcel), line("holding_id", holding), line("crop_code", crop))),
    )


def _examples(column: pa.ChunkedArray) -> str:
    values = [str(value)[:30] for value in column.drop_null().slice(0, 3).to_pylist()]
    return ", ".join(values) or "nothing (empty)"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:60])
