"""Files in, values out, and back: the only room that knows a file format."""
