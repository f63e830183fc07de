"""The hosted integrator: its host decides when integrations run, and keeps tenants apart."""
