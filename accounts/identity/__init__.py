"""National e-identity by OpenID Connect: what is asked of a provider, what is believed of its answer, whom it means."""
