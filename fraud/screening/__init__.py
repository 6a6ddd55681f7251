"""Names of those behind providers against the blacklist: explained, and never a decision."""
