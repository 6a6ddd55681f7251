"""Learning accounts of people whom an e-identity proved: made anew, and told apart from others."""

from __future__ import annotations

from accounts.identity import indexes
from accounts.identity.facts import Person
from accounts.models import Citizen, CitizenMark, OpenFact, User
from accounts.models.citizens import CitizenStatus
from accounts.services.citizens import FACTS

# What tells a person for good; addresses change and are kept where people are written to.
_LASTING = ("birth_place",)


def make_citizen(*, user: User, person: Person, country: str) -> Citizen:
    """A learning account for somebody nobody had registered. What rules ask for beside the birth date stays open.

    Until somebody establishes them the facts stand at what gives least: nobody gains by what is not known.
    """
    day = person.birth_date.whole
    assert day is not None
    citizen = Citizen.objects.create(
        user=user,
        given_name=person.given_name,
        family_name=person.family_name,
        birth_date=day,
        status=CitizenStatus.INACTIVE,
        residence=country,
        citizenship=country,
    )
    OpenFact.objects.bulk_create(
        OpenFact(citizen=citizen, fact=each) for each in FACTS if each != "birth_date"
    )
    return citizen


def marks_of(person: Person) -> dict[str, str]:
    """The facts by which a person is told apart for good, as they are kept: kind and index."""
    return {
        kind: indexes.index_of(kind, value)
        for kind, value in person.facts.items()
        if kind.startswith(CitizenMark.NATIONAL_ID) or kind in _LASTING
    }


def keep_marks(citizen: Citizen, marks: dict[str, str]) -> None:
    """Keep what tells this citizen from others, where nothing of the kind is known of them yet."""
    known = set(CitizenMark.objects.filter(citizen=citizen).values_list("kind", flat=True))
    CitizenMark.objects.bulk_create(
        [
            CitizenMark(citizen=citizen, kind=kind, index=index)
            for kind, index in marks.items()
            if kind not in known
        ],
        ignore_conflicts=True,
    )
