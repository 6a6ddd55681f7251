"""The audit: all invariants of HOUSE, checked set-wise, naming the rows at fault."""

from funding.audit import further
from funding.audit.report import INVARIANTS, AuditReport, Finding, InvariantReport
from funding.audit.runner import run

__all__ = ["INVARIANTS", "AuditReport", "Finding", "InvariantReport", "further", "run"]
