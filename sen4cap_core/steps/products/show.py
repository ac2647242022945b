"""One product in words: what it is, where its files lie, what it was made from."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.db.made.product_list import ProductFacts, inputs_of, list_products
from sen4cap_core.errors import Sen4capError
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.product_files import asset_files

MAX_INPUTS = 20


def describe_product(context: Context, reference: str) -> str:
    """Return the description of a product by its number or the name of its item.

    Raises
    ------
    Sen4capError
        There is no such product, or the name is that of several.
    """
    with context.session() as session:
        one = _find(list_products(session), reference)
        inputs = inputs_of(session, one.id)
    root = context.settings.data
    lines = [
        one.name,
        f"  number     {one.id}",
        f"  kind       {one.kind}",
        f"  site       {one.site}" + (f", tile {one.tile}" if one.tile else ""),
        f"  period     {one.start:%Y-%m-%d %H:%M:%S} to {one.end:%Y-%m-%d %H:%M:%S} UTC",
        f"  made       {one.created_at:%Y-%m-%d %H:%M:%S} UTC by version {one.made_by}",
        f"  in force   {'yes' if one.is_current else 'no: another version or scene is in its place'}",
        "  files",
        *(f"    {line}" for line in _files(root, one)),
        f"  made from {len(inputs)}",
        *(f"    {ref}" for ref in inputs[:MAX_INPUTS]),
    ]
    if len(inputs) > MAX_INPUTS:
        lines.append(f"    and {len(inputs) - MAX_INPUTS} more, in its STAC item")
    return "\n".join(lines)


def _files(root: Path, one: ProductFacts) -> list[str]:
    files = list(asset_files(root, one).values())
    if one.stac_path:
        files.append(root / one.stac_path)
    return [f"{path}  {_size(path)}" for path in files]


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.3f} MB" if path.is_file() else "MISSING"


def _find(products: list[ProductFacts], reference: str) -> ProductFacts:
    found = [one for one in products if reference in (str(one.id), one.name)]
    if not found:
        raise Sen4capError(f"there is no product {reference!r}; sen4cap products list --all shows them")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise Sen4capError(f"{reference!r} is the name of several products: say one of the numbers {numbers}")
    return found[0]
