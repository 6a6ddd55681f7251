"""The database: the embedded server, the two roles and the backend that connects as them."""
