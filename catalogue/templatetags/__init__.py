"""What the catalogue's templates use."""
