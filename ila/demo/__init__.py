"""The demonstration: a believable small country, and the main job played once from import to reconciled payment."""
