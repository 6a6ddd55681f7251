"""From plain values to the rules they describe, or every fault in them at once."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo

from funding.schemes.coherence import RuleFault, contradictions
from funding.schemes.rules import SchemeRules


class RulesError(ValueError):
    """A rule set that cannot be put into force, with every fault that was found."""

    def __init__(self, faults: list[RuleFault]) -> None:
        self.faults = faults
        super().__init__("; ".join(str(fault) for fault in faults))


def parse_rules(values: Mapping[str, Any]) -> SchemeRules:
    """The rules that `values` (parameter name → JSON value) describe.

    Raises: RulesError (a ValueError) naming every fault, those of single values and contradictions alike.
    """
    try:
        return SchemeRules.model_validate(dict(values))
    except ValidationError as error:
        faults = _value_faults(error)
    if not faults:  # every value is right by itself: what is wrong lies between them
        raise RulesError(list(contradictions(_unchecked(values))))
    # Contradictions among the sound values are named in the same answer.
    wrong = {fault.parameters[0] for fault in faults}
    sound = {name: value for name, value in values.items() if name not in wrong}
    if all(name in sound for name, field in SchemeRules.model_fields.items() if field.is_required()):
        faults += [
            fault for fault in contradictions(_unchecked(sound)) if not wrong.intersection(fault.parameters)
        ]
    raise RulesError(faults)


def parameters() -> Mapping[str, FieldInfo]:
    """Every parameter by name, with its description, unit and rule id."""
    return SchemeRules.model_fields


def _unchecked(values: Mapping[str, Any]) -> SchemeRules:
    """Rules of values that are sound one by one, built past the check between them."""
    return _Unchecked.model_validate(dict(values))


class _Unchecked(SchemeRules):
    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        return self


def _value_faults(error: ValidationError) -> list[RuleFault]:
    faults = []
    for detail in error.errors(include_url=False, include_context=False):
        if not detail["loc"]:
            continue  # raised by the check between values
        name, *inner = (str(part) for part in detail["loc"])
        where = f" (at {'.'.join(inner)})" if inner else ""
        code = {"extra_forbidden": "unknown_parameter", "missing": "missing"}.get(detail["type"], "bad_value")
        message = "no such parameter" if code == "unknown_parameter" else f"{detail['msg']}{where}"
        faults.append(RuleFault((name,), code, message))
    return faults
