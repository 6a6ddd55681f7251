"""The chain of seals (11): recomputed from the first entry to the last sealed one."""

from collections.abc import Callable, Iterable
from typing import Any

from funding.audit.checks import PythonCheck
from funding.audit.report import Finding
from funding.services.seals import Verification


def chain_check(
    verification: Verification, progress: Callable[[int, int], None] | None = None
) -> PythonCheck:
    """The check; `verification` counts what it looked at. progress: called with entries done and to do."""

    def find(_cursor: Any) -> Iterable[tuple[int, Finding]]:
        for fault in verification.faults(progress=progress):
            yield 11, Finding(fault.row, fault.code, fault.detail)

    return PythonCheck("seals", {11}, find, by_models=True)
