"""The steps of the data's way, one file each: receive, ingest, process, extract, detect, reconcile.

A step composes the rooms below it and the database: it writes files first (temporary name, then rename),
then all rows of the step in one transaction. Every step can be run twice; the second time changes nothing.
"""
