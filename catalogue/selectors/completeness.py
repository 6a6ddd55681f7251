"""How much of what describes a micro-credential is told, and what must not be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from catalogue import marketing
from catalogue.importing.values import folded
from catalogue.lookalikes import skeleton
from catalogue.models import EntryDescription, MicroCredential, Offer

# Element, the step of the form that asks for it, whether a catalogue entry must have it.
ELEMENTS: tuple[tuple[str, str, bool], ...] = (
    ("title", "basics", True),
    ("kind", "basics", True),
    ("goals_html", "outcomes", True),
    ("content_html", "outcomes", True),
    ("skills", "outcomes", False),
    ("has_prerequisites", "outcomes", True),
    ("prerequisites", "outcomes", False),
    ("inherent_requirements", "outcomes", True),
    ("workload", "level", True),
    ("hours", "level", False),
    ("eqf_level", "level", False),
    ("national_level", "level", False),
    ("isced_field", "level", False),
    ("formacodes", "level", False),
    ("cip_code", "level", False),
    ("assessed", "assessment", True),
    ("assessment_type", "assessment", True),
    ("certifies", "assessment", True),
    ("assessment_supervised", "assessment", False),
    ("identity_checked", "assessment", False),
    ("graded", "assessment", False),
    ("assessment_only", "assessment", False),
    ("validity_months", "assessment", False),
    ("quality_assurance", "assessment", True),
    ("awarding_body", "assessment", False),
    ("stackable", "assessment", False),
    ("recognition", "assessment", True),
    ("participation", "delivery", True),
    ("language", "delivery", True),
    ("price_cents", "delivery", True),
    ("financial_help", "delivery", True),
    ("accessibility", "delivery", False),
    ("more_information", "delivery", False),
)
# Where claims are looked for. What help there is may say who gives it.
TEXTS = (
    *("title", "goals_html", "content_html", "prerequisites", "inherent_requirements"),
    *("recognition", "accessibility", "financial_help", "assessment_type", "quality_assurance"),
)
_ALLOWED = {"financial_help": {"funded"}, "quality_assurance": {"accredited"}}


@dataclass(frozen=True)
class Element:
    """One element of a description. needed: a catalogue entry must have it."""

    name: str
    step: str
    needed: bool
    told: bool


@dataclass(frozen=True)
class Completeness:
    """What is told of what there is to tell."""

    elements: list[Element]

    @property
    def percent(self) -> int:
        """Of all elements, whole percent rounded down: a hundred only when nothing is missing."""
        return sum(one.told for one in self.elements) * 100 // len(self.elements)

    @property
    def missing(self) -> list[Element]:
        """What must be told before it can be registered."""
        return [one for one in self.elements if one.needed and not one.told]

    @property
    def untold(self) -> list[Element]:
        """What could be told beside that."""
        return [one for one in self.elements if not one.needed and not one.told]

    def of_step(self, step: str) -> tuple[int, int]:
        """How many elements of a step are told, and how many there are."""
        mine = [one for one in self.elements if one.step == step]
        return sum(one.told for one in mine), len(mine)


def description_of(entry: MicroCredential) -> EntryDescription:
    """What else it says of itself: its own, or an unsaved one that says nothing."""
    found = getattr(entry, "description", None)
    return found if found is not None else EntryDescription(micro_credential=entry)


def value_of(entry: MicroCredential, description: EntryDescription, name: str) -> Any:
    """An element's value, of the entry or of its description."""
    return getattr(entry if is_of_entry(name) else description, name)


def is_of_entry(name: str) -> bool:
    """Whether an element is the entry's own, and not its description's."""
    return hasattr(MicroCredential, name) and name not in _OWN


_OWN = {field.name for field in EntryDescription._meta.concrete_fields}


def completeness(entry: MicroCredential, description: EntryDescription) -> Completeness:
    """What is told: no and none are told, null and an empty text are not."""
    elements = []
    for name, step, needed in ELEMENTS:
        value = value_of(entry, description, name)
        told = value is not None and value not in ("", [])
        # Without an assessment nothing has to be said of its kind.
        asked = needed and not (name == "assessment_type" and entry.assessed is False)
        elements.append(Element(name, step, asked, told))
    return Completeness(elements)


def claims_of(entry: MicroCredential, description: EntryDescription) -> list[tuple[str, marketing.Claim]]:
    """Forbidden claims in the texts (S-12), with the element that each stands in."""
    return claims_in({name: value_of(entry, description, name) for name in TEXTS})


def claims_in(values: dict[str, Any]) -> list[tuple[str, marketing.Claim]]:
    """Forbidden claims in values by element."""
    return [
        (name, claim)
        for name in TEXTS
        for claim in marketing.find_claims(str(values.get(name) or ""))
        if claim.name not in _ALLOWED.get(name, set())
    ]


_LONG = ("goals_html", "content_html", "facts", "search_text")


def duplicates_of(entry: MicroCredential) -> list[MicroCredential]:
    """Entries that seem to be the same one: of this provider by title, of others by title and content."""
    mine = skeleton(entry.title)
    words = folded(marketing.plain_text(entry.content_html))
    light = MicroCredential.objects.select_related("provider").defer(*_LONG)
    own: QuerySet[MicroCredential] = light.filter(provider=entry.provider_id)
    same = [
        one for one in own.exclude(pk=entry.pk).exclude(state="delisted")[:500] if skeleton(one.title) == mine
    ]
    if words:
        others = light.filter(content_html=entry.content_html).exclude(provider=entry.provider_id)
        same += list(others[:5])
    return same[:10]


def offers_of(entry: MicroCredential) -> QuerySet[Offer]:
    """The places and ways it is taught, the first of them that of its form."""
    return Offer.objects.filter(micro_credential=entry, removed_at=None).order_by("pk")


def offer_of(entry: MicroCredential) -> Offer | None:
    """The place and way it is taught, as its form knows one."""
    return offers_of(entry).first()
