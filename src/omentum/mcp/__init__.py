"""A server of the Model Context Protocol: language models segment CTs and read what was measured."""
