"""Somebody of every kind, and something of everything that pages show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import factors, sessions
from accounts.middleware import SEEN_KEY
from accounts.models import SignIn, User
from catalogue.models import Offer, Session
from funding.models import BankMessage, Booking, LaboratoryRun, PaymentBatch
from funding.services import batches, bookings, claims, laboratory
from ila.core import clock
from tests.factories.accounts import MembershipFactory, OrganisationFactory
from tests.support.world import ENDS, MONDAY, STARTS, Learner, World

PASSWORD = "correct horse battery staple"
PAYDAY = datetime.fromisoformat("2026-06-29T09:00+00:00")
TITLE = "Conduct a project with agile methods"
GOALS = "<p>Plan, run and close a project in short rounds.</p><h4>You can</h4><ul><li>cut work into parts</li></ul>"


def give_password(user: User, email: str) -> User:
    """Let a person sign in with PASSWORD."""
    user.email = email
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


@dataclass
class Scene:
    """A world with people of every part in it. Built on the virtual clock, in May and June 2026."""

    world: World
    learner: Learner
    other_learner: Learner
    provider_member: User
    other_provider_member: User
    employer: User
    case_worker: User
    payment_officer: User
    investigator: User
    auditor: User

    @property
    def people(self) -> dict[str, User | None]:
        """Everybody who may come to a page, by the part they play."""
        return {
            "anonymous": None,
            "learner": self.learner.user,
            "other_learner": self.other_learner.user,
            "provider": self.provider_member,
            "other_provider": self.other_provider_member,
            "employer": self.employer,
            "case_worker": self.case_worker,
            "payment_officer": self.payment_officer,
            "investigator": self.investigator,
            "auditor": self.auditor,
        }


def make_scene() -> Scene:
    """Everybody, and an offer in Lyon. Call inside a database fixture."""
    with clock.at(MONDAY):
        world = World()
        world.agency.name = "National learning agency"
        world.agency.save()
        provider = world.provider
        provider.name, provider.city, provider.postcode = "Atelier des compétences", "Lyon", "69002"
        provider.save()
        organisation = provider.organisation
        assert organisation is not None
        organisation.name = provider.name
        organisation.save()
        make_offer(world)
        learner = world.make_learner(given_name="Camille", family_name="Durand")
        other = world.make_learner(given_name="Noé", family_name="Petit")
        member = world.provider_user
        other_member = world.user_of(world.make_provider())
        employer = MembershipFactory.create(
            organisation=OrganisationFactory.create(employer=True), role="manager"
        ).user
        auditor = MembershipFactory.create(organisation=world.agency, role="auditor").user
        investigator = MembershipFactory.create(organisation=world.agency, role="investigator").user
    named = {
        "learner@example.org": learner.user,
        "member@example.org": member,
        "case.worker@example.org": world.case_worker,
        "payer@example.org": world.payer,
        "investigator@example.org": investigator,
        "auditor@example.org": auditor,
    }
    for email, user in named.items():
        user.display_name = email.split("@")[0].replace(".", " ").title()
        give_password(user, email)
    return Scene(
        world=world,
        learner=learner,
        other_learner=other,
        provider_member=member,
        other_provider_member=other_member,
        employer=employer,
        case_worker=world.case_worker,
        payment_officer=world.payer,
        investigator=investigator,
        auditor=auditor,
    )


def make_offer(world: World) -> None:
    """Give the world's credential the words and the place that a page shows."""
    credential = world.credential
    credential.title, credential.goals_html, credential.language = TITLE, GOALS, "fr"
    credential.search_text = "conduct a project with agile methods lyon atelier des competences"
    credential.save()
    offer = Offer.objects.create(
        micro_credential=credential,
        external_id="a1",
        mode="blended",
        city="Lyon",
        postcode="69002",
        currency="EUR",
        price_cents=165_000,
    )
    world.session.offer = offer
    world.session.save()


def validated_booking(scene: Scene, *, percent: int = 80, session: Session | None = None) -> Booking:
    """A booking of the learner whose service is proved, for a part of it."""
    world = scene.world
    with clock.at(MONDAY) as hand:
        booking = world.accepted(scene.learner, session)
        hand.move(STARTS)
        bookings.declare_entry(actor=scene.provider_member, booking_id=booking.pk)
        bookings.record_attendance(actor=scene.provider_member, booking_id=booking.pk, percent=percent)
        hand.move(ENDS)
        bookings.declare_exit(actor=scene.provider_member, booking_id=booking.pk, exit_reason="complete")
        bookings.declare_service(actor=scene.provider_member, booking_id=booking.pk)
        return bookings.validate_service(actor=world.case_worker, booking_id=booking.pk)


def exported_batch(scene: Scene, booking: Booking) -> PaymentBatch:
    """The booking claimed and on its way to the bank."""
    world = scene.world
    with clock.at(PAYDAY):
        claim = claims.claim_booking(actor=scene.provider_member, booking_id=booking.pk)
        claims.approve_claim(actor=world.payer, claim_id=claim.pk)
        batch = batches.create_batch(actor=world.second_payer, scheme=world.scheme, claim_ids=[claim.pk])
        batch = batches.approve_batch(actor=world.third_payer, batch_id=batch.pk)
        batches.export_batch(actor=world.third_payer, batch_id=batch.pk)
    return batch


def proposed_booking(scene: Scene, learner: Learner | None = None) -> Booking:
    """A proposal that waits for its learner's answer today, for a session in two months."""
    now = clock.now()
    session = scene.world.make_session(
        starts_at=now + timedelta(days=60), ends_at=now + timedelta(days=64), offer=scene.world.session.offer
    )
    return scene.world.proposed(learner or scene.learner, session)


def pay_the_provider(settings: Any) -> None:
    """Let the platform have no account that learners transfer their own part to: what is agreed to binds at once."""
    settings.BANK_ACCOUNT_IBAN = ""


def bank_message(batch: PaymentBatch, *, kind: str = "pain.002") -> BankMessage:
    """A message of the bank about a batch, as it came."""
    content = b'<?xml version="1.0"?><Document><script>alert(1)</script></Document>'
    return BankMessage.objects.create(
        kind=kind,
        message_id=f"BANK-{batch.pk}",
        content=content,
        sha256=f"{batch.pk:064x}",
        state="processed",
        batch=batch,
        received_at=PAYDAY + timedelta(hours=2),
        processed_at=PAYDAY + timedelta(hours=2),
    )


def signed_in(
    user: User | None, *, sign_in: SignIn | None = None, factor: bool = True, again: bool = False
) -> Client:
    """A client with that person's session, under that recorded sign-in.

    factor: whoever must use a second factor has an app, and used it. again: has proved just now who they are.
    """
    client = Client()
    if user is not None:
        client.force_login(user)
        prove(client, user, factor=factor, again=again)
    if sign_in is not None:
        session = client.session
        session[sessions.KEY] = sign_in.pk
        session.save()
    return client


def prove(client: Client, user: User, *, factor: bool = True, again: bool = False) -> None:
    """Give a session that a test opened what signing in leaves in it: how it was proved, and when it was seen."""
    now = time.time()
    records: list[dict[str, Any]] = [{"method": "password", "at": now, "email": user.email}]
    if factor and factors.must_use_factor(user):
        app = factors.set_up_app(user)
        records.append({"method": "mfa", "at": now, "id": app.pk, "type": app.type})
    if again:
        records.append({"method": "password", "at": now, "reauthenticated": True})
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = str(user.pk)
    session[SEEN_KEY] = (session.session_key, int(now))
    session.save()


def laboratory_run(scene: Scene, *, generated: int = 60, play: bool = True) -> LaboratoryRun:
    """A run of the laboratory over a few imagined learners, done unless told otherwise."""
    run = laboratory.ask_for_run(
        actor=scene.case_worker,
        title="A higher participation",
        scheme="cpf",
        changes={"participation_cents": 20_000, "cap_cents": 400_000},
        years=(2027, 2028),
        generated=generated,
        seed=1,
    )
    if play:
        laboratory.execute_run(public_id=run.public_id)
        run.refresh_from_db()
    return run
