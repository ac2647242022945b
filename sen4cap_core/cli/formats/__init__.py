"""The page of formats, ``docs/formats.md``, written from the models that read and write them."""
