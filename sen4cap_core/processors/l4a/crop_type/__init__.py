"""Which crop stands on each parcel: features of the season, what learns from them, how far to trust it.

``command``       a whole run on table files
``observations``  observation tables and store files of any of the documented forms
``optical``, ``radar``, ``features``   the table of features with the original's names
``selection``, ``smote``, ``learners`` what is learnt from, and by what
``accuracy``, ``tables_out``           what comes out
"""
