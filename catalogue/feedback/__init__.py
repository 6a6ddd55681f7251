"""What completers say about a training, and how it is published without giving anybody away."""
