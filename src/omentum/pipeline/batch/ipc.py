"""Things sent from one of our processes to another: arrays and tensors go as they are, without a copy in between.

Whoever receives something knows the structures that the sender knew.
"""

from __future__ import annotations

import pickle
from io import BytesIO
from multiprocessing.connection import Connection
from typing import Any

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows, include_carried


def send(pipe: Connection, thing: Any) -> None:
    """Send anything that can be pickled; the contents of arrays and tensors go as they are."""
    buffers: list[pickle.PickleBuffer] = []
    head = BytesIO()
    _Packer(head, protocol=5, buffer_callback=buffers.append).dump(thing)
    raw = [buffer.raw() for buffer in buffers]
    pipe.send_bytes(pickle.dumps((carried_rows(STRUCTURES.keys), [part.nbytes for part in raw])))
    pipe.send_bytes(head.getbuffer())
    for part in raw:
        if part.nbytes:
            pipe.send_bytes(part)


def receive(pipe: Connection) -> Any:
    """What `send` sent; raises EOFError when there is nobody at the other end."""
    structures, sizes = pickle.loads(pipe.recv_bytes())
    include_carried(structures)
    head = pipe.recv_bytes()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        if buffer:
            pipe.recv_bytes_into(buffer)
    return pickle.loads(head, buffers=buffers)


class _Packer(pickle.Pickler):
    """Tensors as the arrays they are; by default they would be copied, or need shared memory."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            return torch.from_numpy, (thing.detach().cpu().numpy(),)
        return NotImplemented
