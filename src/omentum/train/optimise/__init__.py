"""How parameters move: optimisers, learning rates, averages, and which parameters learn."""
