r"""Take the picture of a QGIS project; QGIS runs this, on a screen of its own.

    TOUR_PICTURE=/tmp/tour-qgis.png TOUR_DATE=2019-08-27 xvfb-run -s '-screen 0 1200x760x24' \
        qgis --nologo --noplugins --noversioncheck --profiles-path /tmp/tour-qgis \
        --project /tmp/tour/taken-home/sites/tour/tour.qgs --code tests/benchmarks/tour_qgis.py

The layers of the date are switched on, other rasters off. QGIS writes all colours;
``png_bytes`` of the reports makes a small picture of that.
"""

import os

from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import iface

WAIT_MS = 6000
LAYERS_PX = 460


def arrange() -> None:
    """Show the date, the layers and the map, without the other panels."""
    window = iface.mainWindow()
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")
    window.resize(1200, 760)
    # Wide enough for the longest name of a group.
    layers = window.findChild(QDockWidget, "Layers")
    window.resizeDocks([layers], [LAYERS_PX], Qt.Horizontal)
    wanted = os.environ["TOUR_DATE"]
    for node in QgsProject.instance().layerTreeRoot().findLayers():
        if node.layer() is not None and node.layer().type() == 1:
            node.setItemVisibilityChecked(wanted in node.name())
        elif node.name() == "Times mown":
            node.setExpanded(True)
    # Once the map has the room that the panel leaves it.
    QTimer.singleShot(WAIT_MS // 2, iface.mapCanvas().zoomToFullExtent)


def take() -> None:
    """Write the picture and end."""
    iface.mainWindow().grab().save(os.environ["TOUR_PICTURE"])
    # An orderly end would ask whether the project is to be saved.
    os._exit(0)


QTimer.singleShot(WAIT_MS, arrange)
QTimer.singleShot(2 * WAIT_MS, take)
