"""Ways to run a network, behind one interface: `Engine`."""

from omentum.infer.engines.choose import ENGINES, check_engine, choose_engine
from omentum.infer.engines.network import Engine, Network

__all__ = ["ENGINES", "Engine", "Network", "check_engine", "choose_engine"]
