"""The demonstration: a believable scheme, loaded through the services and shown in the terminal."""
