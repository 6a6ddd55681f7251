"""What templates of every app share."""
