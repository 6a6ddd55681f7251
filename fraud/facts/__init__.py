"""What detectors may know: tables of facts, one per file of the exchange format, and how they are filled."""
