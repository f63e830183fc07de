"""Real services of our own for the demo and the tests: started beside whatever the machine runs."""
