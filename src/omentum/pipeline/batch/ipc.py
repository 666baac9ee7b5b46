"""Inter-process messages: arrays and tensors are sent without an intermediate copy.

The sender's registered structures are transmitted, too.
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
    """Send a picklable object; contents of arrays and tensors are sent out of band."""
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
    """Receive an object from `send`; raises EOFError if the other end is closed."""
    structures, sizes = pickle.loads(pipe.recv_bytes())
    include_carried(structures)
    head = pipe.recv_bytes()
    buffers = [bytearray(size) for size in sizes]
    for buffer in buffers:
        if buffer:
            pipe.recv_bytes_into(buffer)
    return pickle.loads(head, buffers=buffers)


class _Packer(pickle.Pickler):
    """Pickles tensors as arrays; by default they would be copied, or need shared memory."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            return torch.from_numpy, (thing.detach().cpu().numpy(),)
        return NotImplemented
