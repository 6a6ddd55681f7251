"""Credentials as Open Badges 3.0: what they say, how they are signed, read and printed. No writes here."""
