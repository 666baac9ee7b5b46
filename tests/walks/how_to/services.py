"""Pages about installation, services, viewers and other programs."""

from walks.walk import Walk

REGISTRY = "needs a package registry (the wheel with the core alone is walked in test_core_wheel.py)"
INSTALL = Walk(
    "docs/how-to/install.md",
    swaps=[("for path in paths", 'for path in ["ct.nii.gz"]')],
    skips={"pip install": REGISTRY},
)
TEXT = Walk(
    "docs/how-to/text-encoders.md",
    skips={"pip install": REGISTRY, "omentum encoders pull": "needs a network (tests/text/test_pull_encoder.py)"},
)
PACS = Walk(
    "docs/how-to/pacs.md",
    skips={
        "omentum segment dicomweb": "needs a server (tests/pacs/test_orthanc.py)",
        "omentum listen": "does not end (tests/pacs/test_listen.py)",
    },
)
MCP = Walk("docs/how-to/mcp.md", skips={"omentum mcp": "serves a client (tests/mcp_server)"})
SERVE = Walk(
    "docs/how-to/serve.md",
    skips={"omentum serve": "does not end (tests/serve)", 'python -c "import secrets': "makes a token for it"},
)
SERVER = Walk(
    "docs/how-to/segment-on-a-server.md",
    swaps=[
        ('with Client("http://127.0.0.1:8421") as', "from service_over_http import client_of_a_service\n"
         "with client_of_a_service() as"),
    ],
    skips={
        "omentum segment": "needs a service (tests/remote)",
        "pip install": "needs a package registry (tests/client/test_client.py has the same)",
    },
)  # fmt: skip
VIEWER = Walk(
    "docs/how-to/viewer.md",
    skips={
        "make serve-demo": "needs Node.js; make web-test does the same with a smaller phantom",
        "make web": "needs Node.js",
        "omentum serve": "serves until it is stopped (tests/serve)",
    },
)
BROWSER = Walk(
    "docs/how-to/in-the-browser.md",
    skips={
        "make web-static": "needs Node.js and its packages (make web-test)",
        "python -m http.server": "does not end",
    },
)
SLICER = Walk("docs/how-to/slicer.md", skips={"omentum serve": "serves until it is stopped (tests/serve)"})


WALKS = (INSTALL, TEXT, PACS, MCP, SERVE, SERVER, VIEWER, BROWSER, SLICER)
