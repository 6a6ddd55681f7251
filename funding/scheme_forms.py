"""The form of a draft of rules: a field for every parameter, made from the typed model, and back again.

A value that cannot be read is kept as it was typed; the check of the draft names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast, get_args, get_origin

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from pydantic.fields import FieldInfo

from catalogue.words import KINDS
from funding.models import SchemeDraft
from funding.schemes import wording
from funding.schemes.changes import meaning
from funding.schemes.coherence import RuleFault
from funding.schemes.drafting import HEAD
from funding.schemes.faults import sentence
from funding.schemes.parsing import parameters
from funding.schemes.topics import TOPICS
from funding.schemes.typing_in import amount, number, read, written
from funding.words import EXIT_REASONS, SOURCES

VOCABULARIES: dict[str, Mapping[str, Any]] = {
    "kinds": KINDS,
    "sources": {name: label for name, label in SOURCES.items() if name != "learner"},
    "statuses": wording.STATUSES,
    "reasons": EXIT_REASONS,
    "rule ids": wording.CONDUCT,
}
MANY_LINES = {"months by year", "classes of sources", "kinds by source", "credits"}
_UNITS = {
    "cents": _("amount"),
    "cents by kind": _("amounts"),
    "percent": _("percent"),
    "percent by kind": _("percent"),
    "wd": _("working days"),
    "days": _("days"),
    "months": _("months"),
    "years": _("years"),
    "hours": _("hours"),
    "level": _("level"),
    "grade": _("grade"),
    "grants": _("grants"),
    "licence classes": _("with commas between them, such as A, B"),
    "codes": _("with commas between them, such as RS5616, RS5080"),
    "months by year": _("a year and months on each line: 2027: 804"),
    "classes of sources": _(
        "the sources of one class on each line, drawn one line after the other: rights, public"
    ),
    "kinds by source": _("a source and its kinds on each line: mid_career: curated_course"),
    "credits": _(
        "a credit on each line: years=40 amount=4000 source=mid_career first_day=2027-05-01 last_day=2027-05-01 "
        "expires=2030-12-31 absorbs_expiring=yes; the days and the last word may be left out"
    ),
}
_LONGEST = 4000


class DraftForm(forms.Form):
    """A draft's head, first day and every parameter, as text."""

    content_hash = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, draft: SchemeDraft, data: Any = None) -> None:
        super().__init__(data, initial=initial(draft))
        self._rules: Mapping[str, Any] = draft.content.get("rules") or {}
        self._new = draft.scheme_id is None
        if self._new:
            for name, label in _HEAD_LABELS.items():
                self.fields[name] = forms.CharField(required=False, max_length=_LONGEST, label=label)
        self.fields["valid_from"] = forms.CharField(
            required=False,
            max_length=_LONGEST,
            label=_("First day on which these rules hold"),
            help_text=_("Year, month and day, such as 2027-01-31"),
        )
        for name, field in parameters().items():
            if name not in HEAD:
                self.fields.update(_fields(name, field))

    def topics(self) -> Iterator[dict[str, Any]]:
        """The fields grouped: each group with its parameters, each parameter with its fields."""
        for key, title, names in TOPICS:
            rows = [{"name": name, "meaning": meaning(name), "fields": self.of(name)} for name in names]
            yield {"key": key, "title": title, "rows": rows}

    def head(self) -> list[forms.BoundField]:
        """The fields before the parameters."""
        names = [*_HEAD_LABELS] if self._new else []
        return [self[name] for name in [*names, "valid_from"]]

    def of(self, name: str) -> list[forms.BoundField]:
        """The fields of a parameter: one, or one for each kind."""
        return [self[each] for each in self.fields if each == name or each.startswith(f"{name}.")]

    def content(self, head: Mapping[str, Any]) -> dict[str, Any]:
        """The content that was typed; `head` where the scheme has one already."""
        typed = {name: self.data.get(name, "").strip() for name in _HEAD_LABELS} if self._new else {}
        rules = {}
        for name, field in parameters().items():
            if name in HEAD:
                continue
            value = self._value(name, field)
            bare = None if field.is_required() else _json(field.get_default(call_default_factory=True))
            if value not in (None, bare):
                rules[name] = value
        unknown = {name: value for name, value in self._rules.items() if name not in parameters()}
        kept = {} if self.data.get("drop_unknown") else unknown
        return {
            **{name: str(head.get(name, "")) for name in HEAD},
            **typed,
            "valid_from": self.data.get("valid_from", "").strip(),
            "rules": {**rules, **kept},
        }

    def as_data(self) -> QueryDict:
        """What the fields show, as if it had been sent: so that faults of what is stored are shown beside it."""
        data = QueryDict(mutable=True)
        for name, value in self.initial.items():
            data.setlist(name, value if isinstance(value, list) else [value])
        return data

    def name_faults(self, faults: tuple[RuleFault, ...]) -> list[str]:
        """Put each fault beside the field it is about; returns those that no field stands for."""
        elsewhere = []
        self.full_clean()
        for fault in faults:
            field = next((one for name in fault.parameters for one in self._names(name)), None)
            if field is None:
                elsewhere.append(f"{', '.join(fault.parameters)}: {sentence(fault)}")
            elif sentence(fault) not in self.errors.get(field, []):
                self.add_error(field, sentence(fault))
        return elsewhere

    def _names(self, name: str) -> list[str]:
        return [each for each in self.fields if each == name or each.startswith(f"{name}.")]

    def _value(self, name: str, field: FieldInfo) -> Any:
        unit, value = unit_of(field), None
        if unit in ("cents by kind", "percent by kind"):
            typed = {each.split(".", 1)[1]: self.data.get(each, "").strip() for each in self._names(name)}
            one = amount if unit.startswith("cents") else number
            return {kind: one(text) for kind, text in typed.items() if text}
        if unit in VOCABULARIES:
            data = cast("QueryDict", self.data)
            return [each for each in data.getlist(name) if each]
        text = self.data.get(name, "").strip()
        if text:
            value = read(unit, text)
        return value


_HEAD_LABELS = {
    "code": _("Code of the scheme, part of its address"),
    "name": _("Name of the scheme"),
    "country": _("Country whose public holidays are no working days (two letters, such as FR)"),
    "timezone": _("Time zone (such as Europe/Paris)"),
    "currency": _("Currency (three letters, such as EUR)"),
}


def unit_of(field: FieldInfo) -> str:
    """A parameter's unit."""
    about: Any = field.json_schema_extra
    return str(about["unit"])


def initial(draft: SchemeDraft) -> dict[str, Any]:
    """What each field shows of a draft."""
    rules: Mapping[str, Any] = draft.content.get("rules") or {}
    shown: dict[str, Any] = {name: draft.content.get(name, "") for name in (*_HEAD_LABELS, "valid_from")}
    for name, field in parameters().items():
        if name in HEAD:
            continue
        bare = None if field.is_required() else _json(field.get_default(call_default_factory=True))
        value = rules.get(name, bare)
        unit = unit_of(field)
        if unit in ("cents by kind", "percent by kind"):
            parts = value if isinstance(value, Mapping) else {}
            for kind in _keys(name):
                shown[f"{name}.{kind}"] = written(
                    "cents" if unit.startswith("cents") else "", parts.get(kind)
                )
        elif unit in VOCABULARIES:
            shown[name] = value if isinstance(value, list) else []
        else:
            shown[name] = written(unit, value)
    return {**shown, "content_hash": draft.content_hash}


def _keys(name: str) -> Mapping[str, Any]:
    return wording.ENDOWMENTS if name.startswith("endowment") else KINDS


def _fields(name: str, field: FieldInfo) -> dict[str, forms.Field]:
    unit = unit_of(field)
    label = meaning(name)
    about: Any = field.json_schema_extra
    parts = [str(part) for part in (_UNITS.get(unit, ""), about["rule"], name) if part]
    given: dict[str, Any] = {"required": False, "label": label, "help_text": " · ".join(parts)}
    if unit in ("cents by kind", "percent by kind"):
        return {
            f"{name}.{kind}": forms.CharField(required=False, max_length=_LONGEST, label=word)
            for kind, word in _keys(name).items()
        }
    if unit in VOCABULARIES:
        words = VOCABULARIES[unit]
        choices = [(key, f"{key}: {word}" if unit == "rule ids" else word) for key, word in words.items()]
        return {name: forms.MultipleChoiceField(choices=choices, **given)}
    if unit == "yes or no":
        return {name: forms.ChoiceField(choices=[("yes", _now("Yes")), ("no", _now("No"))], **given)}
    if unit == "choice":
        none = [("", str(wording.NOTHING))] if type(None) in get_args(field.annotation) else []
        words = wording.CHOICES[name]
        return {
            name: forms.ChoiceField(choices=[*none, *((key, words[key]) for key in _literal(field))], **given)
        }
    widget = forms.Textarea(attrs={"rows": 3}) if unit in MANY_LINES else forms.TextInput()
    return {name: forms.CharField(max_length=_LONGEST, widget=widget, **given)}


def _literal(field: FieldInfo) -> list[str]:
    """The words of a choice, whether it may be left out or not."""
    found = field.annotation
    if get_origin(found) is Literal:
        return [str(each) for each in get_args(found)]
    return [str(word) for part in get_args(found) for word in get_args(part)]


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    return value
