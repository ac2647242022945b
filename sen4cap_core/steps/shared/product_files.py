"""All files of a product: what its item names, the item, and what lies in the folder of its version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sen4cap_core.db.made.product_list import ProductFacts
from sen4cap_core.db.models import Product
from sen4cap_core.files import files_below
from sen4cap_core.products.naming import L4A_CROP_TYPES, version_of
from sen4cap_core.products.stac import read_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def asset_files(root: Path, one: ProductFacts | Product) -> dict[str, Path]:
    """Return the files of a product by their titles, as its item names them."""
    item = read_json(root / one.stac_path) if one.stac_path else None
    if item is None or one.stac_path is None:
        return {"data": root / one.path}
    folder = (root / one.stac_path).parent
    return {
        asset.get("title") or key: folder / unquote(asset["href"]) for key, asset in item["assets"].items()
    }


def files_of_product(root: Path, one: ProductFacts | Product) -> list[Path]:
    """Return every file of a product below the data root, whether it is there or not, the item last."""
    files = {path.absolute() for path in asset_files(root, one).values()}
    if one.kind == L4A_CROP_TYPES:
        # Beside what the item names: a shapefile, tables of features and samples.
        folder = (root / one.path).parent / version_of(one.key)
        files |= set(files_below(folder)) if folder.is_dir() else set()
    files.add((root / one.path).absolute())
    item = (root / one.stac_path).absolute() if one.stac_path else None
    inside = [path for path in files if path.is_relative_to(root.absolute()) and path != item]
    return sorted(inside) + ([item] if item else [])


def is_whole(session: Session, root: Path, product_id: int | None) -> bool:
    """Whether nothing of the product of an evaluation is lost; what retention gave up is not lost.

    An evaluation whose files are lost is made again although nothing is new.
    """
    product = session.get(Product, product_id) if product_id is not None else None
    if product is None:
        return False
    return product.retired_at is not None or all(path.is_file() for path in files_of_product(root, product))
