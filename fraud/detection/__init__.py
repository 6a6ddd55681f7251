"""From the facts of a day to alerts and cases."""
