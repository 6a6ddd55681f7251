"""Reading other people's catalogues: streams in, checked and normalised entries out. No database here."""
