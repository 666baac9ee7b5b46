"""Convolutions of joined features as sums of convolutions, so that nothing has to be joined.

A decoder joins its own features with the encoder's, twice as large a block as any other; the copy costs time and it is
what the memory of a window is largest at.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

CHANNELS = 1


def split_concat(model: Any, openvino: Any) -> None:
    """Rewrite an OpenVINO model in place: conv(cat(a, b)) becomes conv(a) + conv(b), each with its part of the weights.

    Args:
        model: `openvino.Model` whose weights are constants.
        openvino: The package.
    """
    for joined in model.get_ordered_ops():
        if joined.get_type_name() == "Concat" and joined.get_attributes()["axis"] == CHANNELS:
            readers = [reader.get_node() for reader in joined.output(0).get_target_inputs()]
            if None not in _widths(joined) and all(_convolves(reader, joined) for reader in readers):
                for reader in readers:
                    _split(reader, joined, openvino)
    model.validate_nodes_and_infer_types()


def _convolves(reader: Any, features: Any) -> bool:
    if reader.get_type_name() != "Convolution" or reader.input_value(1).get_node().get_type_name() != "Constant":
        return False
    return bool(reader.input_value(0).get_node() == features)


def _widths(joined: Any) -> list[int | None]:
    """Channels of each part; None where the conversion does not say."""
    dimensions = [part.get_partial_shape()[CHANNELS] for part in joined.input_values()]
    return [d.get_length() if d.is_static else None for d in dimensions]


def _split(convolution: Any, joined: Any, openvino: Any) -> None:
    opset = openvino.opset13
    how = convolution.get_attributes()
    weights = convolution.input_value(1).get_node().data
    ends = accumulate(_widths(joined), initial=0)
    parts = [
        opset.convolution(
            part,
            opset.constant(weights[:, start:end].copy()),
            *(how[name] for name in ("strides", "pads_begin", "pads_end", "dilations")),
            auto_pad=how["auto_pad"],
        )
        for part, (start, end) in zip(joined.input_values(), pairwise(ends), strict=True)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = opset.add(total, part)
    convolution.output(0).replace(total.output(0))
