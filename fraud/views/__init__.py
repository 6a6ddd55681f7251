"""Pages of investigators, and what providers and learners are asked by them."""
