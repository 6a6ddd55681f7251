"""Scenarios: one is played through the real services on a virtual clock, and undone.

Reading the file (`reading`, `scenario`, `values`), the rules it is under (`plan`), who and what takes part
(`cast`), time (`stage`), each event (`acts`), what it comes to (`outcome`, `refusals`, `report`).
"""

from funding.replay.play import Outcome, run_scenario
from funding.replay.reading import ScenarioError, one_line, parse, read_file
from funding.replay.report import render

__all__ = ["Outcome", "ScenarioError", "one_line", "parse", "read_file", "render", "run_scenario"]
