"""Files from the network: only from addresses that are allowed, resumed, checked against size and digest."""
