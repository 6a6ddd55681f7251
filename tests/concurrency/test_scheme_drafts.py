"""Two managers at once: one approval counts, one version begins on a day, and the race is there without the locks."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from funding.models import Scheme, SchemeDraft, SchemeDraftLog, SchemeVersion
from funding.services import scheme_drafts
from tests.funding.schemes.drafts import Office, new_scheme
from tests.support.parallel import codes, meeting_before_moves, together, unlocked

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.slow]

# What a second act meets, as its turn comes before or after it has looked.
BEATEN = {"not_allowed", "overlap", "rules_changed"}


@pytest.fixture
def office(committed_db: None) -> Office:
    return Office()


def approval(office: Office, draft: SchemeDraft, actor: Any) -> Any:
    draft = SchemeDraft.objects.select_related("scheme").get(pk=draft.pk)
    return partial(
        scheme_drafts.approve_draft,
        actor=actor,
        draft_id=draft.public_id,
        content_hash=draft.content_hash,
        timeline_hash=scheme_drafts.timeline_of(draft.scheme),
    )


def one_wins(outcomes: list[Any]) -> None:
    beaten = [code for code in codes(outcomes) if code != "ok"]
    assert len(beaten) == len(outcomes) - 1
    assert set(beaten) <= BEATEN


def begun_with(office: Office, draft: SchemeDraft) -> int:
    assert draft.valid_from is not None
    return office.scheme.versions.filter(valid_from=draft.valid_from).count()


def test_two_managers_approve_one_draft(office: Office) -> None:
    draft = office.proposed(40, participation_cents=1)
    other = office.member("manager")
    with meeting_before_moves():
        outcomes = together(approval(office, draft, office.approver), approval(office, draft, other))
    one_wins(outcomes)
    assert begun_with(office, draft) == 1
    assert SchemeDraftLog.objects.filter(subject=draft, transition="approve").count() == 1


def test_one_manager_presses_twice(office: Office) -> None:
    draft = office.proposed(40, participation_cents=1)
    outcomes = together(*[approval(office, draft, office.approver)] * 2)
    assert codes(outcomes) == ["ok", "ok"]
    assert begun_with(office, draft) == 1


def test_two_drafts_for_one_day(office: Office) -> None:
    drafts = [office.proposed(40, participation_cents=cents) for cents in (1, 2)]
    other = office.member("manager")
    with meeting_before_moves():
        outcomes = together(approval(office, drafts[0], office.approver), approval(office, drafts[1], other))
    one_wins(outcomes)
    assert begun_with(office, drafts[0]) == 1
    assert sorted(SchemeDraft.objects.values_list("state", flat=True)) == ["approved", "proposed"]


def test_two_drafts_for_two_days_never_overlap(office: Office) -> None:
    drafts = [office.proposed(days) for days in (40, 50)]
    acts = [approval(office, draft, office.approver) for draft in drafts]
    with meeting_before_moves():
        outcomes = together(*acts)
    # The second has to look again: the timeline is not the one it was shown.
    assert codes(outcomes) == ["ok", "rules_changed"]
    spans = office.spans()
    assert all(until == first for (_, until), (first, _) in pairwise(spans))


def test_two_new_schemes_of_one_code(office: Office) -> None:
    made = []
    for name in ("One", "Other"):
        draft = scheme_drafts.create_draft(actor=office.author, content=new_scheme() | {"name": name})
        made.append(scheme_drafts.propose_draft(actor=office.author, draft_id=draft.public_id))
    outcomes = together(*[approval(office, draft, office.approver) for draft in made])
    assert codes(outcomes) == ["ok", "overlap"]
    assert Scheme.objects.filter(code="region").count() == 1
    assert SchemeVersion.objects.filter(scheme__code="region").count() == 1


def test_taken_back_while_it_is_approved(office: Office) -> None:
    draft = office.proposed(40)
    back = partial(scheme_drafts.take_back_draft, actor=office.author, draft_id=draft.public_id)
    with meeting_before_moves():
        outcomes = together(approval(office, draft, office.approver), back)
    assert codes(outcomes) == ["not_allowed", "ok"]
    state = SchemeDraft.objects.get(pk=draft.pk).state
    assert begun_with(office, draft) == (1 if state == "approved" else 0)


def test_without_the_locks_both_would_put_their_rules_into_force(office: Office) -> None:
    """The control: what the lock on the scheme prevents is caught by the database alone, as an error."""
    drafts = [office.proposed(40, participation_cents=cents) for cents in (1, 2)]
    other = office.member("manager")
    with unlocked(), meeting_before_moves():
        outcomes = together(approval(office, drafts[0], office.approver), approval(office, drafts[1], other))
    assert not set(codes(outcomes)) & BEATEN
    assert codes(outcomes) != ["ok", "ok"]
    assert begun_with(office, drafts[0]) == 1
