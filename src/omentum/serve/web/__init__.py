"""The interface over HTTP: who may ask, bodies, routes, the page."""
