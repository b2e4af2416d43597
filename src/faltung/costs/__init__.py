"""What a call, a layer or a network costs, before it runs."""

from .cost import Cost, Prediction, cost
from .growth import Growth, curve
from .networks import LayerCost, NetworkCost

__all__ = ["Cost", "Growth", "LayerCost", "NetworkCost", "Prediction", "cost", "curve"]
