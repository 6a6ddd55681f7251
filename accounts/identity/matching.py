"""Which pre-registered citizen a proved person is: one beyond doubt, one that a clerk has to look at, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from accounts.identity import facts, indexes
from accounts.identity.facts import Person
from accounts.models import Citizen
from accounts.models.identities import CitizenMark, ClaimReason

# A clerk looks at the likeliest ones.
MAX_CANDIDATES = 20


@dataclass(frozen=True)
class Candidate:
    """A citizen that the person may be. likeness: of the names, 0 to 100. agreement: facts that both sides know."""

    citizen: Citizen
    likeness: int
    agreement: dict[str, bool]
    same_day: bool

    @property
    def same(self) -> bool:
        """Same names, same birth date as far as it is known."""
        return self.likeness == 100 and self.same_day

    def confirmed_by(self, second_facts: tuple[str, ...]) -> bool:
        """Whether one of these facts agrees; where one is born stays as it is, addresses change."""
        agrees = any(self.agreement.get(kind, False) for kind in second_facts)
        return agrees and self.agreement.get("birth_place", True)


@dataclass(frozen=True)
class Finding:
    """What came of the comparison: a citizen, or a reason for a clerk, or neither (nobody is known)."""

    citizen: Citizen | None = None
    reason: ClaimReason | None = None
    candidates: tuple[Candidate, ...] = ()


def find(person: Person, *, second_facts: tuple[str, ...]) -> Finding:
    """Compare a proved person with everybody who is registered. Call it where nobody else settles this birth year.

    second_facts: the facts of which one has to agree beside names and birth date.
    """
    by_number = _by_national_id(person)
    if by_number is not None:
        return _of_number(person, by_number)
    candidates = sorted(_alike(person), key=lambda one: (-one.same, -one.likeness, one.citizen.pk))
    if not candidates:
        reason = ClaimReason.PARTIAL_DATE if person.birth_date.whole is None else None
        return Finding(reason=reason)
    return _of_names(person, tuple(candidates[:MAX_CANDIDATES]), second_facts)


def is_surely(person: Person, citizen: Citizen) -> bool:
    """Whether the person is this citizen, of whom they have the sign-in: same names and day, no other number.

    A number that belongs to another citizen speaks against it, whatever the names.
    """
    owner = _by_national_id(person)
    if owner is not None:
        return owner.pk == citizen.pk and person.birth_date.may_be(citizen.birth_date)
    candidate = _candidate(person, citizen)
    return candidate.same and person.birth_date.whole is not None and not _another(candidate)


def _of_number(person: Person, citizen: Citizen) -> Finding:
    candidate = _candidate(person, citizen)
    if not person.birth_date.may_be(citizen.birth_date):
        return Finding(reason=ClaimReason.CONTRADICTION, candidates=(candidate,))
    if citizen.user_id is not None:
        return Finding(reason=ClaimReason.ALREADY_CLAIMED, candidates=(candidate,))
    return Finding(citizen=citizen)


def _of_names(person: Person, candidates: tuple[Candidate, ...], second_facts: tuple[str, ...]) -> Finding:
    same = [one for one in candidates if one.same]
    if any(one.citizen.user_id is not None for one in same):
        return Finding(reason=ClaimReason.ALREADY_CLAIMED, candidates=candidates)
    if len(same) > 1:
        return Finding(reason=ClaimReason.SAME_NAME, candidates=candidates)
    if not same:
        return Finding(reason=ClaimReason.NEAR_MATCH, candidates=candidates)
    if person.birth_date.whole is None:
        return Finding(reason=ClaimReason.PARTIAL_DATE, candidates=candidates)
    (only,) = same
    if only.confirmed_by(second_facts):
        return Finding(citizen=only.citizen)
    return Finding(reason=ClaimReason.UNCONFIRMED, candidates=candidates)


def _by_national_id(person: Person) -> Citizen | None:
    numbers = [
        (kind, value) for kind, value in person.facts.items() if kind.startswith(CitizenMark.NATIONAL_ID)
    ]
    for kind, value in numbers:
        mark = (
            CitizenMark.objects.select_related("citizen")
            .filter(kind=kind, index__in=indexes.candidates_of(kind, value))
            .first()
        )
        if mark is not None:
            return mark.citizen
    return None


def _alike(person: Person) -> list[Candidate]:
    """Citizens of a like name on the same or a like day, without those whose national number is another."""
    found = []
    for citizen in Citizen.objects.filter(_days_of(person)).order_by("pk").iterator(chunk_size=2000):
        like = facts.likeness(_names(person), (citizen.given_name, citizen.family_name))
        same_day = person.birth_date.may_be(citizen.birth_date)
        # A like name on a like day is too little: one of the two has to be the same.
        if like == 100 or (same_day and like >= facts.NEAR):
            found.append((citizen, like, same_day))
    marks = _marks_of([citizen.pk for citizen, _like, _same in found])
    candidates = [
        Candidate(citizen, like, _agreement(person, marks.get(citizen.pk, [])), same_day)
        for citizen, like, same_day in found
    ]
    return [one for one in candidates if not _another(one)]


def _days_of(person: Person) -> Q:
    birth_date = person.birth_date
    if birth_date.whole is not None:
        return Q(birth_date__in=facts.near_dates(birth_date.whole))
    first = date(birth_date.year, birth_date.month or 1, 1)
    months = 1 if birth_date.month else 12
    last = first.month + months - 1
    after = date(first.year + last // 12, last % 12 + 1, 1)
    return Q(birth_date__gte=first, birth_date__lt=after)


def _another(candidate: Candidate) -> bool:
    """Two people who share a name are told apart by their national numbers."""
    return any(
        kind.startswith(CitizenMark.NATIONAL_ID) and not agrees
        for kind, agrees in candidate.agreement.items()
    )


def _candidate(person: Person, citizen: Citizen) -> Candidate:
    like = facts.likeness(_names(person), (citizen.given_name, citizen.family_name))
    marks = _marks_of([citizen.pk]).get(citizen.pk, [])
    return Candidate(citizen, like, _agreement(person, marks), person.birth_date.may_be(citizen.birth_date))


def _marks_of(citizens: list[int]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for citizen_id, kind, index in CitizenMark.objects.filter(citizen_id__in=citizens).values_list(
        "citizen_id", "kind", "index"
    ):
        found.setdefault(citizen_id, []).append((kind, index))
    return found


def _agreement(person: Person, marks: list[tuple[str, str]]) -> dict[str, bool]:
    """Each fact that both sides know: whether it is the same."""
    known: dict[str, set[str]] = {}
    for kind, index in marks:
        known.setdefault(kind, set()).add(index)
    return {
        kind: bool(known[kind] & set(indexes.candidates_of(kind, value)))
        for kind, value in person.facts.items()
        if kind in known
    }


def _names(person: Person) -> tuple[str, str]:
    return person.given_name, person.family_name
