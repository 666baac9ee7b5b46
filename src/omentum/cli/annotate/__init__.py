"""`omentum annotate`: proposals, a worklist, and corrections taken back."""

from __future__ import annotations

import typer

from omentum.cli.annotate import accept, click, propose

app = typer.Typer(
    help="Annotate with a model: propose masks in the order worth correcting, take corrections back into the labels.",
    no_args_is_help=True,
)
app.command(epilog="Example: omentum annotate propose store/ -w a.safetensors -w b.safetensors -o round/")(
    propose.propose
)
app.command(epilog='Example: omentum annotate accept round/ round/cases/ --by "A. Miller"')(accept.accept)
app.command(
    epilog="Example: omentum annotate click ct.nii.gz out/ct --structure liver --inside 42,-10,130 -o fixed.seg.nrrd"
)(click.click)
