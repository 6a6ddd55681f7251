"""What the pages about providers speak of: an application handed in, a draft, an entry, an accreditation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalogue.models import (
    AccountChange,
    Accreditation,
    Application,
    MicroCredential,
    ProviderDetail,
    Session,
)
from catalogue.selectors.details import today_at
from catalogue.services import account_changes, applications, details
from funding.models import Booking, PaymentBatch
from tests.catalogue.providers.desk import Desk
from tests.pages.support import Scene


@dataclass
class ProviderThings:
    """All of it the provider's own."""

    handed_in: Application
    draft: Application
    entry: MicroCredential
    session: Session
    accreditation: Accreditation
    change: AccountChange
    detail: ProviderDetail

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        draft, handed_in = {"public_id": self.draft.public_id}, {"public_id": self.handed_in.public_id}
        document = self.handed_in.documents.order_by("pk")[0]
        entry = {"pk": self.entry.pk}
        provider, change = {"provider": self.entry.provider_id}, {"public_id": self.change.public_id}
        return {
            "provider_withdraw": draft,
            "provider_account": provider,
            "provider_stripe": provider,
            "provider_account_act": {**provider, **change, "act": "confirm"},
            "account_objection": {"token": account_changes.link_of(self.change)},
            "provider_details": provider,
            "provider_detail": {**provider, "pk": self.detail.pk},
            "provider_detail_new": {**provider, "kind": "trainer"},
            "agency_detail_act": {"pk": self.detail.pk, "act": "accept"},
            "agency_account_change": change,
            "agency_account_change_act": {**change, "act": "refuse"},
            "provider_entry_places": entry,
            "provider_entry_place_remove": {**entry, "offer": 1},
            "provider_entry_version_withdraw": entry,
            "provider_application": draft,
            "provider_step": {**draft, "step": "persons"},
            "provider_submit": draft,
            "provider_answer": {**handed_in, "question": 1},
            "provider_remove": {**draft, "step": "persons", "row": 1},
            "provider_document": {"public_id": document.public_id},
            "provider_entry_new": {"provider": self.entry.provider_id},
            "provider_entry": entry,
            "provider_entry_step": {**entry, "step": "level"},
            "provider_entry_submit": entry,
            "provider_entry_price": entry,
            "provider_entry_sessions": entry,
            "provider_entry_session": {**entry, "session": self.session.pk, "act": "guarantee"},
            "agency_application": handed_in,
            "agency_application_act": {**handed_in, "act": "admit"},
            "agency_accreditation": {"pk": self.accreditation.pk},
            "agency_accreditation_act": {"pk": self.accreditation.pk, "act": "suspend"},
            "agency_entry": entry,
            "agency_entry_act": {**entry, "act": "suspend"},
        }


def make_provider_things(scene: Scene) -> ProviderThings:
    """Make them; where documents are kept is the caller's to say."""
    organisation = scene.world.provider.organisation
    assert organisation is not None
    desk = Desk(organisation, scene.provider_member, scene.case_worker, scene.case_worker)
    handed_in = desk.handed_in()
    draft = applications.start_application(actor=scene.provider_member, organisation=organisation)
    accreditation = scene.world.provider.accreditations.order_by("pk")[0]
    change = account_changes.ask(
        actor=scene.provider_member,
        provider_id=scene.world.provider.pk,
        iban="NL91ABNA0417164300",
        holder=str(scene.world.provider),
    )
    detail = details.add_detail(
        actor=scene.provider_member,
        provider_id=scene.world.provider.pk,
        kind="trainer",
        facts={"full_name": "Ada", "subject": "Welding", "qualification": "Master", "certified": True},
        valid_from=today_at(scene.world.provider),
    )
    return ProviderThings(
        handed_in, draft, scene.world.credential, scene.world.session, accreditation, change, detail
    )


def provider_work_arguments(booking: Booking, batch: PaymentBatch) -> dict[str, dict[str, Any]]:
    """The arguments of the addresses of a provider's daily work, money and team."""
    organisation = booking.provider.organisation
    assert organisation is not None
    session = {"session_id": booking.session_id}
    day = {**session, "day": "2026-06-22"}
    remittance, team = {"msg_id": batch.msg_id}, {"public_id": organisation.public_id}
    return {
        "provider_session": session,
        "provider_session_move": {**session, "act": "cancel"},
        "provider_step_all": {**session, "step": "propose"},
        "provider_days": session,
        "provider_sheet": day,
        "provider_code": day,
        "provider_code_picture": day,
        "provider_remittance": remittance,
        "provider_remittance_csv": remittance,
        "provider_remittance_pdf": remittance,
        "certificate_file": {"public_id": booking.public_id, "certificate_id": 1},
        "attend": {"token": "1-20260622-AAAAAAAA"},
        "team": team,
        "team_member": {**team, "membership_id": organisation.memberships.order_by("pk")[0].pk},
        "team_withdraw": {**team, "invitation_id": booking.public_id},
        "team_join": {"token": "unknown"},
    }
