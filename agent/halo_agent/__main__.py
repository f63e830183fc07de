"""`python -m halo_agent`."""

from halo_agent.cli import main

main()
