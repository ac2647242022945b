"""The file of a QGIS project: layers, their order, their colours. Written from the format's own elements.

QGIS 3.16 and later read it. Paths are relative to the project file.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyproj import CRS

from sen4cap_core.products.colours import Rgb
from sen4cap_core.products.qgis_styles import NO_ANSWER, Categories, Ramp

_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.16.0"


@dataclass(frozen=True)
class RasterLayer:
    """A raster of one band shown in colours."""

    name: str
    path: str
    """Relative to the project file."""
    crs: str
    """``EPSG:32631``"""
    ramp: Ramp


@dataclass(frozen=True)
class VectorLayer:
    """Parcels of one table of a GeoPackage, coloured by a column."""

    name: str
    path: str
    table: str
    crs: str
    colours: Categories


Layer = RasterLayer | VectorLayer


@dataclass(frozen=True)
class Group:
    """Layers that belong together; of rasters one is shown at a time."""

    name: str
    layers: Sequence[Layer]
    is_shown: bool = False
    """Whether its first layer is switched on."""


def project_xml(
    title: str, groups: Sequence[Group], crs: str, extent: tuple[float, float, float, float]
) -> str:
    """Return the project file as text.

    Parameters
    ----------
    groups : the first one is on top.
    crs : of the map, ``EPSG:32631``
    extent : (x min, y min, x max, y max) in ``crs``
    """
    root = ET.Element("qgis", {"projectname": title, "version": _VERSION})
    ET.SubElement(root, "homePath", {"path": ""})
    ET.SubElement(root, "title").text = title
    _crs(ET.SubElement(root, "projectCrs"), crs)
    tree = ET.SubElement(root, "layer-tree-group")
    canvas = ET.SubElement(root, "mapcanvas", {"name": "theMapCanvas", "annotationsVisible": "1"})
    ET.SubElement(canvas, "units").text = "meters"
    box = ET.SubElement(canvas, "extent")
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True):
        ET.SubElement(box, name).text = f"{value:.3f}"
    ET.SubElement(canvas, "rotation").text = "0"
    _crs(ET.SubElement(canvas, "destinationsrs"), crs)
    layers = ET.SubElement(root, "projectlayers")
    order = ET.SubElement(root, "layerorder")
    for group in groups:
        folder = _group(tree, group)
        for place, layer in enumerate(group.layers):
            identity = _identity(group, layer)
            _leaf(folder, layer, identity, is_shown=group.is_shown and place == 0)
            ET.SubElement(order, "layer", {"id": identity})
            if isinstance(layer, RasterLayer):
                _raster(layers, layer, identity)
            else:
                _vector(layers, layer, identity)
    properties = ET.SubElement(root, "properties")
    paths = ET.SubElement(properties, "Paths")
    ET.SubElement(paths, "Absolute", {"type": "bool"}).text = "false"
    # Without it QGIS reads no projection of the project, and shows UTM rasters and degrees on one plane.
    projection = ET.SubElement(properties, "SpatialRefSys")
    ET.SubElement(projection, "ProjectionsEnabled", {"type": "int"}).text = "1"
    ET.indent(root, " ")
    return _HEAD + ET.tostring(root, encoding="unicode") + "\n"


def source_of(layer: Layer) -> str:
    """Return what a layer reads, as QGIS writes it."""
    path = f"./{layer.path}"
    return path if isinstance(layer, RasterLayer) else f"{path}|layername={layer.table}"


def _identity(group: Group, layer: Layer) -> str:
    # The same layer has the same id in each version of the project: what a person arranged stays matched.
    text = f"{group.name}\n{layer.name}\n{layer.path}"
    return "layer_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _group(tree: ET.Element, group: Group) -> ET.Element:
    is_raster = bool(group.layers) and isinstance(group.layers[0], RasterLayer)
    facts = {"name": group.name, "expanded": "1" if group.is_shown else "0", "checked": "Qt::Checked"}
    if is_raster and len(group.layers) > 1:
        facts |= {"mutually-exclusive": "1", "mutually-exclusive-child": "0" if group.is_shown else "-1"}
    return ET.SubElement(tree, "layer-tree-group", facts)


def _leaf(folder: ET.Element, layer: Layer, identity: str, *, is_shown: bool) -> None:
    facts = {
        "id": identity,
        "name": layer.name,
        "source": source_of(layer),
        "providerKey": "gdal" if isinstance(layer, RasterLayer) else "ogr",
        "checked": "Qt::Checked" if is_shown else "Qt::Unchecked",
        "expanded": "0",
    }
    ET.SubElement(folder, "layer-tree-layer", facts)


def _maplayer(layers: ET.Element, layer: Layer, identity: str, facts: Mapping[str, str]) -> ET.Element:
    element = ET.SubElement(layers, "maplayer", dict(facts))
    ET.SubElement(element, "id").text = identity
    ET.SubElement(element, "datasource").text = source_of(layer)
    ET.SubElement(element, "layername").text = layer.name
    _crs(ET.SubElement(element, "srs"), layer.crs)
    return element


def _raster(layers: ET.Element, layer: RasterLayer, identity: str) -> None:
    element = _maplayer(layers, layer, identity, {"type": "raster", "hasScaleBasedVisibilityFlag": "0"})
    ET.SubElement(element, "provider").text = "gdal"
    pipe = ET.SubElement(element, "pipe")
    ramp = layer.ramp
    span = {"classificationMin": f"{ramp.low:g}", "classificationMax": f"{ramp.high:g}"}
    renderer = ET.SubElement(
        pipe,
        "rasterrenderer",
        {"type": "singlebandpseudocolor", "band": "1", "opacity": "1", "alphaBand": "-1", **span},
    )
    ET.SubElement(renderer, "rasterTransparency")
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        {
            "colorRampType": "INTERPOLATED",
            "classificationMode": "1",
            "clip": "0",
            "minimumValue": f"{ramp.low:g}",
            "maximumValue": f"{ramp.high:g}",
        },
    )
    for fraction, colour in ramp.stops:
        value = ramp.low + fraction * (ramp.high - ramp.low)
        facts = {"value": f"{value:g}", "label": f"{value:g}", "color": _hex(colour), "alpha": "255"}
        ET.SubElement(shader, "item", facts)
    ET.SubElement(pipe, "brightnesscontrast", {"brightness": "0", "contrast": "0"})
    ET.SubElement(pipe, "rasterresampler", {"maxOversampling": "2"})


def _vector(layers: ET.Element, layer: VectorLayer, identity: str) -> None:
    element = _maplayer(layers, layer, identity, {"type": "vector", "geometry": "Polygon"})
    ET.SubElement(element, "provider", {"encoding": "UTF-8"}).text = "ogr"
    colours = layer.colours
    renderer = ET.SubElement(
        element,
        "renderer-v2",
        {"type": "categorizedSymbol", "attr": colours.column, "symbollevels": "0", "forceraster": "0"},
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    kind = "long" if colours.is_number else "string"
    shown = [(entry.value, entry.label, entry.colour, kind) for entry in colours.entries]
    # What has no value, or one that is not listed.
    shown.append(("", "no answer", NO_ANSWER, "string"))
    for place, (value, label, colour, value_type) in enumerate(shown):
        facts = {"value": value, "label": label, "symbol": str(place), "render": "true", "type": value_type}
        ET.SubElement(categories, "category", facts)
        _fill(symbols, str(place), colour)
    ET.SubElement(element, "layerOpacity").text = "1"


def _fill(symbols: ET.Element, name: str, colour: Rgb) -> None:
    symbol = ET.SubElement(
        symbols,
        "symbol",
        {
            "type": "fill",
            "name": name,
            # What lies below would make other colours of those in the legend.
            "alpha": "1",
            "clip_to_extent": "1",
            "force_rhr": "0",
        },
    )
    layer = ET.SubElement(
        symbol, "layer", {"class": "SimpleFill", "enabled": "1", "pass": "0", "locked": "0"}
    )
    properties = {
        "color": ",".join(map(str, (*colour, 255))),
        "style": "solid",
        "outline_color": "60,60,60,255",
        "outline_style": "solid",
        "outline_width": "0.15",
        "outline_width_unit": "MM",
    }
    # Written twice: up to 3.18 QGIS reads the one form, from 3.28 on the other.
    options = ET.SubElement(layer, "Option", {"type": "Map"})
    for key, value in properties.items():
        ET.SubElement(options, "Option", {"name": key, "type": "QString", "value": value})
    for key, value in properties.items():
        ET.SubElement(layer, "prop", {"k": key, "v": value})


def _crs(parent: ET.Element, crs: str) -> None:
    known = CRS.from_user_input(crs)
    element = ET.SubElement(parent, "spatialrefsys", {"nativeFormat": "Wkt"})
    # QGIS reads the code only beside a number of its own tables; the text it reads always.
    ET.SubElement(element, "wkt").text = known.to_wkt()
    authority = known.to_authority()
    if authority is not None:
        ET.SubElement(element, "srid").text = authority[1]
        ET.SubElement(element, "authid").text = ":".join(authority)
    ET.SubElement(element, "description").text = known.name


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
