"""The public register for whoever wants to use it elsewhere: tables, JSON and linked data."""
