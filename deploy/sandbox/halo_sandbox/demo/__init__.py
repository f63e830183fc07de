"""The demo: the product doing its main job on real input, and proving it."""
