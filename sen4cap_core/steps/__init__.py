"""The steps of the data's way, one file each, in rooms by what they are about.

A step composes the rooms below it and the database: it writes files first (temporary name, then rename),
then all rows of the step in one transaction. Every step can be run twice; the second time changes nothing.

From the top down, each may import those below it:

``upkeep``        nothing is lost, nothing is kept too long, people are told; what people do by hand
``seasons``       the calendar of a season: what is planned, what it waits for, how the season stands
``crop_types``    crop types (L4A), with crop diversification
``products``      what goes out: shown, exported, on a page; marker databases
``mowing``        mowing of grassland (L4B)
``practices``     agricultural practices (L4C)
``composites``    composites of a period: of reflectance (L3A), of radar
``uploads``       what people drop: one receiver for each kind of file
``sources``       scenes that come by themselves: searched, fetched
``scenes``        the way of one scene: corrected, registered, processed, extracted for late parcels, drawn
``radar``         radar products: received, registered, brought to the map, paired, observed, drawn
``acquisitions``  one acquisition, optical or radar: entered, looked at, its parcels measured, forgotten
``shared``        what steps share: what they are given, the kinds of work, a season's input
"""
