"""The network, its checkpoints, and the weights it can be given by name."""

from omentum.model.build import BACKBONES, build
from omentum.model.checkpoint import load_checkpoint, read_spec, save_checkpoint
from omentum.model.head import TextDrivenHead
from omentum.model.pretrained import initialise
from omentum.model.universal import Backbone, UniversalModel
from omentum.model.weights import load_model, pull

__all__ = [
    "BACKBONES",
    "Backbone",
    "TextDrivenHead",
    "UniversalModel",
    "build",
    "initialise",
    "load_checkpoint",
    "load_model",
    "pull",
    "read_spec",
    "save_checkpoint",
]
