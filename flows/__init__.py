"""What the system does, one file per flow.

============================  ================================================================================
``receive_upload``            drains the inbox: what was dropped is read, stored and answered with a receipt
``ingest_scene``              registers the acquisitions of a dropped scene; the newest baseline is in force
``process_scene``             one pass over the pixels: NDVI raster and parcel observations
``process_scenes``            the same for several scenes of a backlog in one run
``extract_parcels``           observations of the season's earlier scenes for declarations that came late
``detect_mowing``             L4B: when was each grassland parcel mown, and does it comply
``monitor_practices``         L4C: harvest weeks, and whether declared practices are seen
``classify_crops``            L4A: which crop stands on each parcel, and are the holdings diverse
``export_markers``            marker databases MDB1, MDB2, MDB3: everything known of the parcels
``plan_seasons``              the calendar of the seasons: what is due, what it waits for
``by_hand``                   what people start: each operation a form
``season_report``             how the seasons stand: downloads, scenes, work, machines, disk; e-mail
``products``                  pages of what was made, with pictures and the QGIS project; exports
``keeping``                   what need not be kept: report, then apply; do tables and disk agree
``reconcile``                 finds whatever no event announced and asks for it again
``worker``                    the warm process that runs scene work without starting an interpreter each time
============================  ================================================================================
"""
