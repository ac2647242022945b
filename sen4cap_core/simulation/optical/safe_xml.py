"""The metadata files of a simulated product, in the structure of the published ones.

Left out, because nothing here reads them: spectral responses, processing parameters, auxiliary files, quality
reports, the datastrip's own metadata and the preview.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.s2_names import BAND_IDS
from sen4cap_core.simulation.optical.acquisition import QUANTIFICATION, Acquisition, iso_milliseconds, stamp

PSD = "https://psd-14.sentinel2.eo.esa.int/PSD"
ANGLE_STEP_M = 5000
SCL_NAMES = (
    "SC_NODATA",
    "SC_SATURATED_DEFECTIVE",
    "SC_DARK_FEATURE_SHADOW",
    "SC_CLOUD_SHADOW",
    "SC_VEGETATION",
    "SC_NOT_VEGETATED",
    "SC_WATER",
    "SC_UNCLASSIFIED",
    "SC_CLOUD_MEDIUM_PROBA",
    "SC_CLOUD_HIGH_PROBA",
    "SC_THIN_CIRRUS",
    "SC_SNOW_ICE",
)
_CLASS_SHARES = (
    ("SATURATED_DEFECTIVE_PIXEL_PERCENTAGE", (1,)),
    ("DARK_FEATURES_PERCENTAGE", (2,)),
    ("CLOUD_SHADOW_PERCENTAGE", (3,)),
    ("VEGETATION_PERCENTAGE", (4,)),
    ("NOT_VEGETATED_PERCENTAGE", (5,)),
    ("WATER_PERCENTAGE", (6,)),
    ("UNCLASSIFIED_PERCENTAGE", (7,)),
    ("MEDIUM_PROBA_CLOUDS_PERCENTAGE", (8,)),
    ("HIGH_PROBA_CLOUDS_PERCENTAGE", (9,)),
    ("THIN_CIRRUS_PERCENTAGE", (10,)),
    ("SNOW_ICE_PERCENTAGE", (11,)),
)


def product_metadata(acquisition: Acquisition, images: Sequence[tuple[str, int]]) -> str:
    """Return ``MTD_MSIL2A.xml`` that lists the given (band, resolution in metres)."""
    a = acquisition
    listed = "\n".join(
        f"            <IMAGE_FILE>{a.image_path(band, resolution)}</IMAGE_FILE>"
        for band, resolution in images
    )
    offsets = ""
    if a.boa_offset:
        values = "\n".join(
            f'        <BOA_ADD_OFFSET band_id="{number}">{a.boa_offset}</BOA_ADD_OFFSET>'
            for number in BAND_IDS
        )
        offsets = f"      <BOA_ADD_OFFSET_VALUES_LIST>\n{values}\n      </BOA_ADD_OFFSET_VALUES_LIST>\n"
    classes = "\n".join(
        "        <Scene_Classification_ID>\n"
        f"          <SCENE_CLASSIFICATION_TEXT>{name}</SCENE_CLASSIFICATION_TEXT>\n"
        f"          <SCENE_CLASSIFICATION_INDEX>{index}</SCENE_CLASSIFICATION_INDEX>\n"
        "        </Scene_Classification_ID>"
        for index, name in enumerate(SCL_NAMES)
    )
    positions = " ".join(f"{lat:.10f} {lon:.10f}" for lon, lat in footprint(a.grid))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_User_Product xmlns:n1="{PSD}/User_Product_Level-2A.xsd" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>{iso_milliseconds(a.datatake_start)}</PRODUCT_START_TIME>
      <PRODUCT_STOP_TIME>{iso_milliseconds(a.datatake_start)}</PRODUCT_STOP_TIME>
      <PRODUCT_URI>{a.product_id}.SAFE</PRODUCT_URI>
      <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{a.baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>{iso_milliseconds(a.generated_at)}</GENERATION_TIME>
      <PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
      <PREVIEW_GEO_INFO>Not applicable</PREVIEW_GEO_INFO>
      <Datatake datatakeIdentifier="{_datatake_id(a)}">
        <SPACECRAFT_NAME>Sentinel-{a.platform[1:]}</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>{iso_milliseconds(a.datatake_start)}</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>{a.relative_orbit}</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      <Query_Options completeSingleTile="true">
        <PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT>
      </Query_Options>
      <Product_Organisation>
        <Granule_List>
          <Granule datastripIdentifier="{_datastrip_id(a)}" granuleIdentifier="{_granule_id(a)}" \
imageFormat="JPEG2000">
{listed}
          </Granule>
        </Granule_List>
      </Product_Organisation>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Image_Display_Order>
        <RED_CHANNEL>3</RED_CHANNEL>
        <GREEN_CHANNEL>2</GREEN_CHANNEL>
        <BLUE_CHANNEL>1</BLUE_CHANNEL>
      </Image_Display_Order>
      <QUANTIFICATION_VALUES_LIST>
        <BOA_QUANTIFICATION_VALUE unit="none">{QUANTIFICATION}</BOA_QUANTIFICATION_VALUE>
        <AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE>
        <WVP_QUANTIFICATION_VALUE unit="cm">1000.0</WVP_QUANTIFICATION_VALUE>
      </QUANTIFICATION_VALUES_LIST>
{offsets}      <Scene_Classification_List>
{classes}
      </Scene_Classification_List>
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Product_Footprint>
      <Product_Footprint>
        <Global_Footprint>
          <EXT_POS_LIST>{positions} </EXT_POS_LIST>
        </Global_Footprint>
      </Product_Footprint>
      <RASTER_CS_TYPE>POINT</RASTER_CS_TYPE>
      <PIXEL_ORIGIN>1</PIXEL_ORIGIN>
    </Product_Footprint>
  </n1:Geometric_Info>
</n1:Level-2A_User_Product>
"""


def tile_metadata(acquisition: Acquisition, class_shares: Mapping[int, float]) -> str:
    """Return ``MTD_TL.xml``; ``class_shares`` are shares (0..1) of the scene classes."""
    a = acquisition
    zone, south = a.grid.epsg % 100, a.grid.epsg > 32700
    grids = {resolution: a.grid.at_resolution(resolution) for resolution in (10, 20, 60)}
    sizes = "\n".join(
        f'      <Size resolution="{resolution}">\n        <NROWS>{grid.height}</NROWS>\n'
        f"        <NCOLS>{grid.width}</NCOLS>\n      </Size>"
        for resolution, grid in grids.items()
    )
    positions = "\n".join(
        f'      <Geoposition resolution="{resolution}">\n        <ULX>{grid.x_min_m:.0f}</ULX>\n'
        f"        <ULY>{grid.y_max_m:.0f}</ULY>\n        <XDIM>{resolution}</XDIM>\n"
        f"        <YDIM>-{resolution}</YDIM>\n      </Geoposition>"
        for resolution, grid in grids.items()
    )
    nodes = (
        max(2, int(a.grid.height * 10 // ANGLE_STEP_M) + 2),
        max(2, int(a.grid.width * 10 // ANGLE_STEP_M) + 2),
    )
    # Over a hundred kilometres the sun's angles change by about half a degree, the view's by ten.
    down, across = np.indices(nodes, dtype=float)
    sun = _angle_grids(
        a.sun_zenith_deg - 0.03 * (down - down.mean()) - 0.02 * (across - across.mean()),
        a.sun_azimuth_deg + 0.04 * (across - across.mean()),
        8,
    )
    view = _angle_grids(
        np.clip(a.view_zenith_deg + 0.45 * (across - across.mean()), 0.1, 12.0),
        np.full(nodes, a.view_azimuth_deg),
        8,
    )
    view_grids = "\n".join(
        f'      <Viewing_Incidence_Angles_Grids bandId="{number}" detectorId="6">\n{view}\n'
        "      </Viewing_Incidence_Angles_Grids>"
        for number in BAND_IDS
    )
    view_means = "\n".join(
        f'        <Mean_Viewing_Incidence_Angle bandId="{number}">\n'
        f'          <ZENITH_ANGLE unit="deg">{a.view_zenith_deg}</ZENITH_ANGLE>\n'
        f'          <AZIMUTH_ANGLE unit="deg">{a.view_azimuth_deg}</AZIMUTH_ANGLE>\n'
        "        </Mean_Viewing_Incidence_Angle>"
        for number in BAND_IDS
    )
    cloudy = sum(class_shares.get(number, 0.0) for number in (8, 9, 10))
    shares = [
        ("CLOUDY_PIXEL_PERCENTAGE", cloudy),
        ("NODATA_PIXEL_PERCENTAGE", class_shares.get(0, 0.0)),
        *(
            (name, sum(class_shares.get(number, 0.0) for number in numbers))
            for name, numbers in _CLASS_SHARES
        ),
    ]
    quality = "\n".join(f"      <{name}>{100 * share:.6f}</{name}>" for name, share in shares)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_Tile_ID xmlns:n1="{PSD}/S2_PDI_Level-2A_Tile_Metadata.xsd" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <n1:General_Info>
    <TILE_ID metadataLevel="Brief">{_granule_id(a)}</TILE_ID>
    <DATASTRIP_ID metadataLevel="Standard">{_datastrip_id(a)}</DATASTRIP_ID>
    <DOWNLINK_PRIORITY metadataLevel="Standard">NOMINAL</DOWNLINK_PRIORITY>
    <SENSING_TIME metadataLevel="Standard">{iso_milliseconds(a.sensed_at)}</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>WGS84 / UTM zone {zone:02d}{"S" if south else "N"}</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>EPSG:{a.grid.epsg}</HORIZONTAL_CS_CODE>
{sizes}
{positions}
    </Tile_Geocoding>
    <Tile_Angles metadataLevel="Standard">
      <Sun_Angles_Grid>
{sun}
      </Sun_Angles_Grid>
      <Mean_Sun_Angle>
        <ZENITH_ANGLE unit="deg">{a.sun_zenith_deg:.10f}</ZENITH_ANGLE>
        <AZIMUTH_ANGLE unit="deg">{a.sun_azimuth_deg:.10f}</AZIMUTH_ANGLE>
      </Mean_Sun_Angle>
{view_grids}
      <Mean_Viewing_Incidence_Angle_List>
{view_means}
      </Mean_Viewing_Incidence_Angle_List>
    </Tile_Angles>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info metadataLevel="Standard">
    <Image_Content_QI>
{quality}
    </Image_Content_QI>
  </n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""


def manifest(acquisition: Acquisition, files: Mapping[str, bytes | tuple[int, str]]) -> str:
    """Return ``manifest.safe``; ``files``: path -> content, or its size and MD5."""
    a = acquisition
    objects = []
    for number, (path, content) in enumerate(sorted(files.items())):
        size, digest = (
            content
            if isinstance(content, tuple)
            else (len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
        )
        kind = "text/xml" if path.endswith(".xml") else "application/octet-stream"
        objects.append(
            f'    <dataObject ID="Object_{number}">\n      <byteStream mimeType="{kind}" size="{size}">\n'
            f'        <fileLocation locatorType="URL" href="./{escape(path)}"/>\n'
            f'        <checksum checksumName="MD5">{digest}</checksum>\n'
            "      </byteStream>\n    </dataObject>"
        )
    coordinates = " ".join(f"{lat:.10f} {lon:.10f}" for lon, lat in footprint(a.grid))
    listed = "\n".join(objects)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" xmlns:safe="http://www.esa.int/safe/sentinel/1.1" \
xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product">
  <informationPackageMap>
    <xfdu:contentUnit unitType="Product_Level-2A" textInfo="SENTINEL-2 MSI Level-2A User Product"/>
  </informationPackageMap>
  <metadataSection>
    <metadataObject ID="acquisitionPeriod" category="DMD" classification="DESCRIPTION">
      <metadataWrap mimeType="text/xml" vocabularyName="Sentinel-SAFE" textInfo="Acquisition Period">
        <xmlData>
          <safe:acquisitionPeriod>
            <safe:startTime>{iso_milliseconds(a.datatake_start)}</safe:startTime>
          </safe:acquisitionPeriod>
        </xmlData>
      </metadataWrap>
    </metadataObject>
    <metadataObject ID="measurementFrameSet" category="DMD" classification="DESCRIPTION">
      <metadataWrap mimeType="text/xml" vocabularyName="Sentinel-SAFE" textInfo="Frame Set">
        <xmlData>
          <safe:frameSet>
            <safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">
              <gml:coordinates>{coordinates}</gml:coordinates>
            </safe:footPrint>
          </safe:frameSet>
        </xmlData>
      </metadataWrap>
    </metadataObject>
  </metadataSection>
  <dataObjectSection>
{listed}
  </dataObjectSection>
</xfdu:XFDU>
"""


def footprint(grid: Grid) -> list[tuple[float, float]]:
    """Return the closed ring of (longitude, latitude) of a grid's corners."""
    left, bottom, right, top = grid.bounds_m
    transformer = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return [transformer.transform(x, y) for x, y in corners]


def _datatake_id(a: Acquisition) -> str:
    return f"G{a.platform}_{stamp(a.datatake_start)}_{a.absolute_orbit:06d}_N{a.baseline}"


def _granule_id(a: Acquisition) -> str:
    return (
        f"{a.platform}_OPER_MSI_L2A_TL_SIMU_{stamp(a.generated_at)}"
        f"_A{a.absolute_orbit:06d}_T{a.tile}_N{a.baseline}"
    )


def _datastrip_id(a: Acquisition) -> str:
    return (
        f"{a.platform}_OPER_MSI_L2A_DS_SIMU_{stamp(a.generated_at)}_S{stamp(a.datastrip_start)}_N{a.baseline}"
    )


def _angle_grids(zenith: NDArray[np.float64], azimuth: NDArray[np.float64], indent: int) -> str:
    pad = " " * indent
    parts = []
    for name, angles in (("Zenith", zenith), ("Azimuth", azimuth)):
        rows = "\n".join(
            f"{pad}    <VALUES>{' '.join(f'{angle:g}' for angle in row)}</VALUES>" for row in angles
        )
        parts.append(
            f'{pad}<{name}>\n{pad}  <COL_STEP unit="m">{ANGLE_STEP_M}</COL_STEP>\n'
            f'{pad}  <ROW_STEP unit="m">{ANGLE_STEP_M}</ROW_STEP>\n'
            f"{pad}  <Values_List>\n{rows}\n{pad}  </Values_List>\n{pad}</{name}>"
        )
    return "\n".join(parts)
