"""What satellites and catalogues bring."""
