"""How a population may be varied."""

from dataclasses import dataclass

ARCHETYPES = ("A1", "A2", "A3", "A4", "A5", "A6")
MONTHS = 15


@dataclass(frozen=True, kw_only=True)
class Dials:
    """What the misusers do; shares from 0 to 1 except `intensity`."""

    # Bookings per case, times this.
    intensity: float = 1.0
    # Share of a case's bookings that are given the look of honest ones (own address and device, consent at home,
    # attendance with gaps, no hurry with the claim).
    camouflage: float = 0.3
    # How far a campaign is stretched: 0 in three weeks, 1 over half a year.
    patience: float = 0.3
    # How often addresses, devices and contact data are changed for fresh ones.
    rotation: float = 0.3
    # After the first hold: 0 go on as before, 1 half as large, fully disguised, another bank account.
    adaptation: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.intensity <= 10:
            raise ValueError("intensity is above 0 and at most 10")
        for name in ("camouflage", "patience", "rotation", "adaptation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything one block of the population has."""

    learners: int
    providers: int
    agents: int
    credentials: int
    employers: int
    # Cases of each kind of misuse, and of each thing that only looks like it.
    cases: int
    lookalikes: int

    @classmethod
    def of(cls, scale: float) -> "Size":
        """Scale 1: 12,000 learners, 250 providers, 40 agents, 1,200 credentials. Under 0.16 providers, agents and
        credentials stay at what all kinds of misuse need side by side.
        """
        return cls(
            learners=max(600, round(12_000 * scale)),
            providers=max(40, round(250 * scale)),
            agents=max(8, round(40 * scale)),
            credentials=max(190, round(1_200 * scale)),
            employers=max(12, round(120 * scale)),
            cases=max(1, round(4 * scale)),
            lookalikes=max(1, round(2 * scale)),
        )
