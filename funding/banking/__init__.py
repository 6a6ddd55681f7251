"""The bank: files to it, messages from it, and the ways they travel. Knows no model of the platform."""
