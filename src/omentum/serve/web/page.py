"""The page at /, if it was built; and the documentation of the interface, which needs no other server."""

from __future__ import annotations

import html
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, Response

from omentum.serve.web.answers import ServedFile, media_type

INDEX = "index.html"
_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}code{background:#8882}"


def page_folder() -> Path:
    """Where `make web` puts the page."""
    return Path(str(resources.files("omentum.serve"))) / "page"


def page_files(folder: Path) -> dict[str, Path]:
    """Address of each file of the page; empty if it was not built."""
    if not (folder / INDEX).is_file():
        return {}
    found = {f"/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
    return {"/": folder / INDEX, **found}


def page_router(files: dict[str, Path]) -> APIRouter:
    """Routes of the page: exactly the files that were there at the start."""
    router = APIRouter(include_in_schema=False)

    def serve(path: Path) -> Any:
        keeps = "max-age=31536000, immutable" if path.parent.name == "assets" else "no-cache"

        async def answer() -> ServedFile:
            return ServedFile(path, media_type=media_type(path.name), headers={"Cache-Control": keeps})

        return answer

    for address, path in files.items():
        router.add_api_route(address, serve(path), methods=["GET"], response_class=Response)
    if not files:
        router.add_api_route("/", _without_page, methods=["GET"], response_class=HTMLResponse)
    return router


def docs_router(app: FastAPI) -> APIRouter:
    """The interface as a list, for people; programs read /openapi.json."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs", response_class=HTMLResponse)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_page("Omentum: interface", _listed(app.openapi())))

    return router


async def _without_page() -> HTMLResponse:
    text = (
        "<h1>Omentum</h1><p>The service runs, but its page has not been built. From a clone: "
        "<code>make web</code> (needs Node.js), then start it again.</p>"
        '<p>Without the page: <code>omentum segment ct.nii.gz --server ADDRESS</code>, or the <a href="/docs">HTTP '
        "interface</a>.</p><p>Not a medical device. Not for clinical use.</p>"
    )
    return HTMLResponse(_page("Omentum", text))


def _listed(schema: dict[str, Any]) -> str:
    parts = [f"<h1>{html.escape(schema['info']['title'])}</h1><p>{html.escape(schema['info']['description'])}</p>"]
    for path, methods in schema["paths"].items():
        for method, about in methods.items():
            answers = ", ".join(sorted(about["responses"]))
            parts.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p><b>{html.escape(about.get('summary', ''))}.</b> {html.escape(about.get('description', ''))}</p>"
                f"<p>Answers: {answers}</p>"
            )
    return "".join(parts) + '<p>All details: <a href="/openapi.json">/openapi.json</a></p>'


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>'
