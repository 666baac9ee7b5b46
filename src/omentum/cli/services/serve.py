"""`omentum serve`: the service with its page."""

from __future__ import annotations

import time

import typer

from omentum.cli.garbage import importing
from omentum.cli.option_table import with_options
from omentum.cli.structures_option import StructuresFile
from omentum.errors import MissingDependencyError
from omentum.serve.options import ServeOptions


@with_options
def serve(*, serving: ServeOptions, own: StructuresFile = None) -> None:
    """Segment CTs for browsers and programs: uploads, a queue, results, and a page to look at them.

    Only this machine can connect, unless --host names another address; then
    everybody who connects needs a token. Uploads, results and the queue
    survive a restart and are deleted after --keep-hours. The log names no
    patient and no file. Ctrl-C or SIGTERM ends it; a job that runs then is
    begun again at the next start. Not a medical device.
    """
    try:
        with importing():
            from omentum.serve.service import Service
            from omentum.serve.web.server import listening_socket, make_server
    except ModuleNotFoundError as fault:
        raise MissingDependencyError(
            f"omentum serve needs {fault.name}", remedy="pip install 'omentum[serve]'"
        ) from fault

    listener = listening_socket(serving.host, serving.port)
    service = Service(serving, _say)
    try:
        _say(f"loading {', '.join(serving.weights)}")
        service.start()
        server = make_server(service, lambda address: typer.echo(f"Omentum listens at {address}"))
        server.run(sockets=[listener])
    finally:
        service.close()
        listener.close()


def _say(line: str) -> None:
    typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", err=True)
