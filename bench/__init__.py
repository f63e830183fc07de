"""What the product promises, measured as ratios to a peer or a limit of the same run."""
