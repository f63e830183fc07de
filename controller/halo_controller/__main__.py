"""`python -m halo_controller`."""

from halo_controller.cli import main

main()
