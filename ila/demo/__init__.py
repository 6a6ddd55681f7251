"""The demonstration: a believable population, and the main job played once from import to payment."""
