"""What this app knows of people. Rows come before what they stand on: erasures go from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, ForeignObjectRel, OuterRef, QuerySet

from accounts.models import (
    AccountAlarm,
    Citizen,
    Delegation,
    Identity,
    IdentityClaim,
    IdentityProof,
    Membership,
    NotMeLink,
    SignIn,
    User,
)
from accounts.models.identities import OPEN_STATES
from accounts.personal_registry import about, deleting, emptying, left_out, with_obstacles
from accounts.services import counselling
from ila.core import clock

RECEIPTS = "It proves what was agreed to and under which sign-in: kept as long as the books it belongs to."
FACTS = "What was decided and paid rests on it: kept as long as the books."
SAFETY = "It shows who took care of a stolen account or a lost factor, and that it was right."
OFFICE = "What somebody did in an office is that organisation's record, not data about a private person."


def _sign_ins_not_needed(rows: QuerySet[Any]) -> QuerySet[Any]:
    """But those under which something was agreed to, entered or paid, whichever table of whichever app says so."""
    for relation in SignIn._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and relation.related_model is not IdentityProof:
            needing: Any = relation.related_model
            rows = rows.filter(~Exists(needing._base_manager.filter(**{relation.field.name: OuterRef("pk")})))
    return rows


def _proofs_not_needed(rows: QuerySet[Any]) -> QuerySet[Any]:
    kept = SignIn.objects.exclude(pk__in=_sign_ins_not_needed(SignIn.objects.all()).values("pk"))
    return rows.exclude(sign_in__in=kept)


def _without_alarm(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(~Exists(AccountAlarm.objects.filter(link=OuterRef("pk"))))


def _without_link(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(~Exists(NotMeLink.objects.filter(message=OuterRef("pk"))))


def _end_counselling(user: User) -> int:
    """Those whom one let look go; those who let one look keep their log of it, without the address."""
    deleted, _by_model = Delegation.objects.filter(citizen__user=user).delete()
    others = Delegation.objects.filter(counsellor=user)
    others.filter(ended_at__isnull=True).update(ended_at=clock.now(), ended_by=user)
    for one in others.exclude(email__endswith="@erased.invalid"):
        Delegation.objects.filter(pk=one.pk).update(email=_nobody())
        deleted += 1
    # Invitations to an address that is nobody's any more.
    invited = Delegation.objects.filter(counsellor=None, email__in=counselling.addresses_of(user))
    return deleted + invited.delete()[0]


def _unlink_identities(user: User) -> int:
    """An e-identity leads to this person no more; whoever comes back with it is somebody new."""
    count = 0
    for identity in Identity.objects.filter(user=user).exclude(subject_index__startswith="erased:"):
        identity.subject_index = f"erased:{uuid4()}"
        identity.save(update_fields=["subject_index"])
        count += 1
    return count


def _close_user(user: User) -> int:
    """Nobody signs in with it, and it names nobody; what was done with it is still done by one and the same."""
    user.email, user.display_name, user.is_active = _nobody(), "", False
    user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    return 1


def _end_sessions(user: User) -> int:
    seen = UserSession.objects.filter(user_id=user.pk)
    Session.objects.filter(session_key__in=list(seen.values_list("session_key", flat=True))).delete()
    deleted, _by_model = seen.delete()
    return int(deleted)


def forget_citizen(user: User) -> int:
    """The person behind a citizen: name, exact birth date and facts. The books go on without them."""
    blank = {
        field.name: field.get_default()
        for field in Citizen._meta.concrete_fields
        if field.name not in ("id", "public_id", "user", "birth_date", "created_at")
    }
    born = Citizen.objects.filter(user=user).values_list("birth_date", flat=True).first()
    if born is None:
        return 0
    return Citizen.objects.filter(user=user).update(**blank, birth_date=date(born.year, 1, 1))


def _nobody() -> str:
    return f"{uuid4()}@erased.invalid"


@with_obstacles
def find_obstacles(user: User) -> Iterator[str]:
    """Somebody who acts for an organisation leaves it first; a claim that a clerk has open is ended first."""
    if Membership.objects.filter(user=user, ended_at__isnull=True).exists():
        yield "member"
    if IdentityClaim.objects.filter(user=user, state__in=OPEN_STATES).exists():
        yield "claim_open"


MINE = "citizen__user"

about(
    "accounts.DelegationLook",
    "looks-of-counsellors",
    "delegation__citizen__user",
    "delegation__counsellor",
    erase=deleting("accounts.DelegationLook", "delegation__citizen__user"),
)
about("accounts.Delegation", "counsellors", MINE, "counsellor", erase=_end_counselling)
about(
    "accounts.ConsentLog",
    "steps-of-consents",
    "subject__citizen__user",
    hidden=["transaction_id"],
    stays=RECEIPTS,
)
about("accounts.Consent", "consents", MINE, shown=["text_hash"], stays=RECEIPTS)
about("accounts.AccountAlarm", "alarms", "user", stays=SAFETY)
about(
    "accounts.NotMeLink",
    "links-of-mails",
    "user",
    erase=deleting("accounts.NotMeLink", "user", but=_without_alarm),
)
about(
    "accounts.Message",
    "mails",
    "recipient",
    erase=deleting("accounts.Message", "recipient", but=_without_link),
)
about(
    "accounts.IdentityProof",
    "proofs-by-e-identity",
    "identity__user",
    erase=deleting("accounts.IdentityProof", "identity__user", but=_proofs_not_needed),
)
about(
    "accounts.SignIn",
    "sign-ins",
    "user",
    erase=deleting("accounts.SignIn", "user", but=_sign_ins_not_needed),
)
about("accounts.IdentityClaimLog", "steps-of-claims", "subject__user", hidden=["transaction_id"], stays=FACTS)
about(
    "accounts.IdentityClaim",
    "claims-of-an-account",
    "user",
    hidden=["marks"],
    erase=emptying(
        "accounts.IdentityClaim",
        "user",
        given_name="",
        family_name="",
        birth_date="",
        marks={},
        question="",
        answer="",
    ),
)
about("accounts.Identity", "e-identities", "user", erase=_unlink_identities)
about("accounts.CitizenMark", "marks", MINE, erase=deleting("accounts.CitizenMark", MINE))
about("accounts.OpenFact", "open-facts", MINE, erase=deleting("accounts.OpenFact", MINE))
about("accounts.CitizenFact", "corrected-facts", MINE, stays=FACTS)
about(
    "accounts.Citizen",
    "person",
    "user",
    stays="Name, birth date and facts go when the books need not be kept.",
)
about("accounts.MutedTopic", "mails-not-wanted", "user", erase=deleting("accounts.MutedTopic", "user"))
about("accounts.PersonalExport", "copies", "user", erase=deleting("accounts.PersonalExport", "user"))
about("accounts.ErasureRequest", "erasures", "user", stays="That the request was carried out, and when.")
about(
    "accounts.Membership",
    "organisations",
    "user",
    also={"organisation": "organisation__name"},
    stays=OFFICE,
)
about("accounts.FactorReset", "lost-factors", "user", stays=SAFETY)
about("accounts.MembershipChange", "changes-of-roles", "user", stays=OFFICE)
about(
    "socialaccount.SocialAccount",
    "linked-sign-ins",
    "user",
    hidden=["extra_data"],
    erase=deleting("socialaccount.SocialAccount", "user"),
)
about("mfa.Authenticator", "second-factors", "user", erase=deleting("mfa.Authenticator", "user"))
about("usersessions.UserSession", "sessions", "user", hidden=["session_key"], erase=_end_sessions)
about("account.EmailAddress", "addresses", "user", erase=deleting("account.EmailAddress", "user"))
about("accounts.User", "sign-in", "pk", erase=_close_user)

left_out(
    OFFICE,
    "accounts.EmployerLog",
    "accounts.Invitation",
    "accounts.Preregistration",
    "accounts.User_groups",
    "accounts.User_user_permissions",
    "admin.LogEntry",
)
left_out(
    "Who else might have been meant is about other people; nothing of it is told to anybody.",
    "accounts.ClaimCandidate",
)
left_out("It is the copy itself.", "accounts.ExportPiece")
left_out(
    "A link of one mail, or a token, that would let somebody in; it goes with the address.",
    "account.EmailConfirmation",
    "socialaccount.SocialToken",
)
