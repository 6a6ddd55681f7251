"""Another bank account: asked by one person, confirmed by a second, approved by a third, and a time to object.

The thief to keep out has one person's password. So a second person, or the agency after calling the provider back,
says the same; everybody is told at the addresses that were known before; and whoever is told can stop it at once.
"""

from __future__ import annotations

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q

from accounts.models import Membership, OrganisationKind, User
from accounts.services import messages, service_users
from catalogue import payees, permissions
from catalogue.models import (
    OPEN_CHANGES,
    AccountChange,
    AccountChangeState,
    Application,
    PayeeAnswer,
    Provider,
)
from catalogue.selectors import account_changes as selected
from catalogue.selectors import applications as applicants
from catalogue.selectors import details
from catalogue.services.providers import checked_iban
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

S = AccountChangeState
_SALT = "catalogue.account_change"
MAX_NOTE = 500


def ask(
    *,
    actor: User,
    provider_id: int,
    iban: str,
    holder: str,
    reason: str = "",
    accept_close: bool = False,
) -> AccountChange:
    """Ask for another account. The bank is asked first; every contact known until now is told, with how to object.

    accept_close: the person has seen the name that the bank told, and says that it is the provider all the same.
    Locks: provider. Logs: `create`. Raises: DomainError `not_allowed` for strangers and staff, or while one is open;
    `invalid` for an IBAN that is none or is the present one; `payee_no_match` for an account in another name;
    `payee_close_match` with the bank's name until it is accepted.
    """
    checked = checked_iban(iban)
    if not checked:
        raise DomainError("invalid", status=422, what="iban")
    # Somebody who may not ask is told nothing about an account either, and no bank is troubled.
    with transaction.atomic():
        _askable(actor, provider_id, checked)
    told = payees.open_payees().verify(iban=checked, name=holder)
    return ask_for(
        actor=actor,
        provider_id=provider_id,
        account=checked,
        holder=holder,
        told=told,
        reason=reason,
        accept_close=accept_close,
    )


def ask_for(
    *,
    actor: User,
    provider_id: int,
    account: str,
    holder: str,
    told: payees.Verification,
    reason: str,
    accept_close: bool,
) -> AccountChange:
    """Ask for an account of which somebody has told whose it is. Locks, Logs and Raises: as `ask`."""
    if told.answer == PayeeAnswer.NO_MATCH:
        raise DomainError("payee_no_match", status=422, what="holder")
    if told.answer == PayeeAnswer.CLOSE_MATCH and not accept_close:
        raise DomainError("payee_close_match", status=422, what="holder", name=told.name)
    with transaction.atomic():
        provider = _askable(actor, provider_id, account)
        now = clock.now()
        change = AccountChange(
            provider=provider,
            iban_before=provider.iban,
            iban=account,
            holder=holder,
            payee_answer=told.answer,
            payee_name=told.name,
            payee_asked_at=now,
            reason=reason.strip()[:MAX_NOTE],
            asked_by=actor,
            asked_at=now,
        )
        return _begin(change, actor=actor)


def ask_of_application(application: Application, provider: Provider) -> AccountChange | None:
    """An approved application names another account than the known one: it is asked for like any other change.

    For a service that holds the provider's lock. None where nothing is to be changed, a change is open already, or the
    bank has said that the account is somebody else's.
    """
    if not provider.iban or not application.iban or provider.iban == application.iban:
        return None
    if application.payee_answer in ("", PayeeAnswer.NO_MATCH) or application.payee_asked_at is None:
        return None
    if provider.account_changes.filter(state__in=OPEN_CHANGES).exists():
        return None
    change = AccountChange(
        provider=provider,
        iban_before=provider.iban,
        iban=application.iban,
        holder=application.account_holder,
        payee_answer=application.payee_answer,
        payee_name=application.payee_name,
        payee_asked_at=application.payee_asked_at,
        asked_by=application.started_by,
        asked_at=clock.now(),
    )
    return _begin(change, actor=application.started_by)


@transaction.atomic
def confirm(*, actor: User, change_id: int) -> AccountChange:
    """A second person of the provider says the same; the time to object begins, and everybody is told again.

    Who joined the organisation after it was asked does not count as a second person.
    Locks: change. Logs: `confirm`. Raises: DomainError `not_allowed` (`not_you`, `too_new`).
    """
    change = _locked(change_id)
    organisation = change.provider.organisation
    if organisation is None or not permissions.acts_for_organisation(organisation, actor):
        raise DomainError("not_allowed", status=403, what="confirm")
    if change.asked_by_id == actor.pk:
        raise DomainError("not_allowed", status=403, what="confirm", reason="not_you")
    if not selected.second_persons(change).filter(pk=actor.pk).exists():
        raise DomainError("not_allowed", status=403, what="confirm", reason="too_new")
    return _confirmed(change, actor, note="")


@transaction.atomic
def confirm_by_call_back(*, actor: User, change_id: int, note: str) -> AccountChange:
    """A case worker has called a provider of one person back, at a number known before, and notes how.

    Locks: change. Logs: `confirm`. Raises: DomainError `incomplete` without a note, `not_allowed` for who is no case
    worker, or where the provider has a second person (`second_person`).
    """
    _require(note)
    change = _of_authority(actor, change_id)
    if selected.second_persons(change).exists():
        raise DomainError("not_allowed", what="confirm", reason="second_person")
    return _confirmed(change, actor, note=note.strip()[:MAX_NOTE])


@transaction.atomic
def approve(*, actor: User, change_id: int, note: str = "") -> AccountChange:
    """The authority finds nothing against it; it comes into force by itself when the time to object is over.

    note: how the account was checked, needed where the bank has not said that it is in this name.
    Locks: change. Logs: `approve`. Raises: DomainError `not_allowed` (`not_you`: who asked or confirmed it),
    `incomplete` without a note that is needed.
    """
    change = _of_authority(actor, change_id)
    if actor.pk in (change.asked_by_id, change.confirmed_by_id):
        raise DomainError("not_allowed", status=403, what="approve", reason="not_you")
    if change.payee_answer != PayeeAnswer.MATCH:
        _require(note)
    fsm.apply(
        change, "approve", actor=actor, reason=note, by=actor, at=clock.now(), note=note.strip()[:MAX_NOTE]
    )
    return change


@transaction.atomic
def refuse(*, actor: User, change_id: int, reason: str) -> AccountChange:
    """The authority says no, and why. Locks: change. Logs: `refuse`. Raises: `incomplete`, `not_allowed`."""
    _require(reason)
    change = _of_authority(actor, change_id)
    fsm.apply(change, "refuse", actor=actor, reason=reason, at=clock.now(), why=reason.strip()[:MAX_NOTE])
    _tell(change, template="account_change_ended", outcome="refused", reason=change.end_reason)
    return change


@transaction.atomic
def take_back(*, actor: User, change_id: int) -> AccountChange:
    """The provider does not want it any more. Locks: change. Logs: `take_back`. Raises: DomainError `not_allowed`."""
    change = _locked(change_id)
    fsm.apply(change, "take_back", actor=actor, at=clock.now())
    return change


@transaction.atomic
def object_to(*, actor: User, change_id: int, reason: str = "") -> AccountChange:
    """Somebody of the provider objects: it never comes into force, and the authority's managers are told.

    Locks: change. Logs: `stop`. Raises: DomainError `not_allowed`, also once it is in force.
    """
    change = _locked(change_id)
    fsm.apply(change, "stop", actor=actor, reason=reason, at=clock.now(), why=reason.strip()[:MAX_NOTE])
    _tell(change, template="account_change_ended", outcome="stopped", reason=change.end_reason)
    managers = Membership.objects.filter(
        organisation__kind=OrganisationKind.AGENCY, role="manager", ended_at__isnull=True
    )
    for manager in User.objects.filter(pk__in=managers.values("user"), is_active=True):
        messages.queue(
            recipient=manager,
            template="account_change_stopped",
            change=str(change.public_id),
            name=str(change.provider),
        )
    return change


def object_by_link(*, token: str, reason: str = "") -> AccountChange:
    """Whoever holds the link of a notice objects, signed in or not. Raises: as `object_to`; `not_found`."""
    change = by_link(token)
    return object_to(actor=service_users.get("clock"), change_id=change.pk, reason=reason or "by the link")


def by_link(token: str) -> AccountChange:
    """The change that a notice's link speaks of. Raises: DomainError `not_found` for a link nobody made."""
    try:
        public_id = signing.Signer(salt=_SALT).unsign(token)
    except signing.BadSignature as error:
        raise DomainError("not_found", status=404, kind="account_change") from error
    found = AccountChange.objects.select_related("provider").filter(public_id=public_id).first()
    if found is None:
        raise DomainError("not_found", status=404, kind="account_change")
    return found


def link_of(change: AccountChange) -> str:
    """What a notice's link ends in: the change, signed; it is kept nowhere."""
    return signing.Signer(salt=_SALT).sign(str(change.public_id))


def put_due_into_force(*, limit: int = 500) -> int:
    """Put approved changes into force whose time to object is over. Returns how many. Logs: `take_effect`.

    Each under the locks of its provider and itself: an objection that was faster has ended it. Callers that pay call
    this first, so that a late job pays nobody into an account that is not in force any more.
    """
    due = AccountChange.objects.filter(state=S.APPROVED, cooling_until__lte=clock.now()).order_by("pk")
    done = 0
    for change_id, provider_id in list(due.values_list("pk", "provider_id")[:limit]):
        with transaction.atomic():
            done += _put_into_force(change_id, provider_id)
    return done


def _put_into_force(change_id: int, provider_id: int) -> bool:
    provider, change = locks.acquire(locks.lock(Provider, provider_id), locks.lock(AccountChange, change_id))
    if change.state != S.APPROVED:
        return False
    now = clock.now()
    fsm.apply(change, "take_effect", actor=service_users.get("clock"), at=now)
    provider.iban, provider.updated_at = change.iban, now
    provider.save(update_fields=["iban", "updated_at"])
    _tell(change, template="account_change_in_force")
    return True


def _askable(actor: User, provider_id: int, iban: str) -> Provider:
    (provider,) = locks.acquire(locks.lock(Provider, provider_id))
    organisation = provider.organisation
    if organisation is None or not permissions.manages_organisation(organisation, actor):
        raise DomainError("not_allowed", status=403, what="account_change", reason="managers_alone")
    if provider.account_changes.filter(state__in=OPEN_CHANGES).exists():
        raise DomainError("not_allowed", what="account_change", reason="change_open")
    if provider.iban == iban:
        raise DomainError("invalid", status=422, what="iban", reason="same_account")
    return provider  # type: ignore[no-any-return]


def _begin(change: AccountChange, *, actor: User) -> AccountChange:
    change.told = _addresses(change.provider)
    fsm.start(change, actor=actor)
    _tell(change, template="account_change_asked")
    return change


def _confirmed(change: AccountChange, actor: User, *, note: str) -> AccountChange:
    now = clock.now()
    until = now + timedelta(days=settings.PAYEE_COOLING_DAYS)
    fsm.apply(change, "confirm", actor=actor, by=actor, at=now, cooling_until=until, note=note)
    day = change.provider.local_date(until).isoformat()
    _tell(change, template="account_change_confirmed", day=day)
    return change


def _of_authority(actor: User, change_id: int) -> AccountChange:
    if actor.is_service or not permissions.is_authority(None, actor):
        raise DomainError("not_allowed", status=403, what="account_change")
    return _locked(change_id)


def _locked(change_id: int) -> AccountChange:
    (change,) = locks.acquire(locks.lock(AccountChange, change_id))
    return change  # type: ignore[no-any-return]


def _addresses(provider: Provider) -> list[str]:
    """Everybody's addresses as they were known before: of its people, also of who left lately, and of itself."""
    back = timedelta(days=settings.PAYEE_LOOK_BACK_DAYS)
    people = Membership.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=clock.now() - back),
        organisation=provider.organisation_id,
        user__is_active=True,
    )
    users = User.objects.filter(pk__in=people.values("user")).order_by("pk")
    found = list(users.values_list("email", flat=True))
    found += EmailAddress.objects.filter(user__in=users, verified=True).values_list("email", flat=True)
    found += details.addresses_of(provider, looking_back=back)
    return list({address.lower(): address for address in found}.values())


def _tell(change: AccountChange, *, template: str, **context: str) -> None:
    """Write to every address that was known when it was asked, in the language of whoever is nearest to it."""
    by_address = {one.email.lower(): one for one in applicants.members(change.provider.organisation_id or 0)}
    for address in change.told:
        messages.queue(
            recipient=by_address.get(address.lower(), change.asked_by),
            address=address,
            template=template,
            provider=change.provider_id,
            name=str(change.provider),
            ending=change.iban[-4:],
            token=link_of(change),
            **context,
        )


def _require(text: str) -> None:
    if not text.strip():
        raise DomainError("incomplete", status=422, what="reason", missing="reason")
