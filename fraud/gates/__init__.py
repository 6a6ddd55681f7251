"""Where fraud stands at funding's gates: before money leaves, and as something is entered."""

from fraud.gates.gate import FraudGate

__all__ = ["FraudGate"]
