"""Forms with files, as MONAI Label's module for 3D Slicer sends them."""

import json

BOUNDARY = "----------lImIt"
"""With characters that need no quotation marks."""


def form(*parts):
    """(name, filename or None, content) -> headers and body."""
    body = b""
    for name, filename, content in parts:
        told = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
        body += f"--{BOUNDARY}\r\nContent-Disposition: {told}\r\n\r\n".encode() + content + b"\r\n"
    return {
        "headers": {"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
        "content": body + f"--{BOUNDARY}--\r\n".encode(),
    }


def params_part(**params):
    """The field `params`; the client names itself in it."""
    return "params", None, json.dumps({"client_id": "user-xyz", **params}).encode()
