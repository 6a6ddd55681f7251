"""What tuning looks at: how detectors drift, and what the random control says about what they miss."""
