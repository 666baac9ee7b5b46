"""Tumours, cysts and what is mistaken for them: in bodies before they are scanned, and in real CTs."""
