"""What providers owe back, and how it comes back."""
