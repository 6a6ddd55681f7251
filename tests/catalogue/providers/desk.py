"""An organisation that applies, and the authority's people who look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from accounts.models import Organisation, User
from catalogue import regimes
from catalogue.models import Application, MicroCredential, Provider
from catalogue.services import application_reviews, applications, entry_drafts, listing_claims
from tests.catalogue.providers import files
from tests.factories.accounts import MembershipFactory, OrganisationFactory

MONDAY = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
SIRET = "73282932000074"
OTHER_SIRET = "44306184100047"
IBAN = "FR1420041010050500013M02606"
OTHER_IBAN = "FR7630006000011234567890189"


@dataclass
class Desk:
    """Who plays a part in an application."""

    organisation: Organisation
    applicant: User
    case_worker: User
    manager: User

    @classmethod
    def made(cls, name: str = "Atelier du Rhône") -> Desk:
        organisation = OrganisationFactory.create(kind="provider", name=name)
        agency = OrganisationFactory.create(name="National learning agency")
        return cls(
            organisation,
            MembershipFactory.create(organisation=organisation, role="manager").user,
            MembershipFactory.create(organisation=agency, role="case_worker").user,
            MembershipFactory.create(organisation=agency, role="manager").user,
        )

    def filled(self, **changes: Any) -> Application:
        """A draft with everything told. changes: other answers, by name; `holder`, `certified`, `partners`."""
        one = applications.start_application(actor=self.applicant, organisation=self.organisation)
        told: dict[str, Any] = {"application_id": one.pk, "actor": self.applicant}
        identity: dict[str, Any] = {
            "register": "siret",
            "country": "FR",
            "number": SIRET,
            "legal_name": self.organisation.name,
            "trade_name": "",
        }
        identity.update({key: value for key, value in changes.items() if key in identity})
        applications.save_step(**told, step="identity", values=identity)
        contact: dict[str, Any] = {
            "email": "contact@atelier.example.org",
            "phone": "+33 4 00 00 00 00",
            "website": "",
            "turnover_cents": changes.get("turnover_cents", 10_000_000),
            "currency": "EUR",
        }
        applications.save_step(**told, step="contact", values=contact)
        place: dict[str, Any] = {
            "street": "1 rue du Lac",
            "postcode": "69003",
            "city": "Lyon",
            "country": "FR",
        }
        applications.add_row(**told, step="establishments", values=place)
        applications.finish_step(**told, step="establishments")
        person: dict[str, Any] = {
            "role": "director",
            "full_name": "Claude Moreau",
            "birth_date": date(1970, 4, 2),
        }
        applications.add_row(**told, step="persons", values={**person, "share_percent": None})
        owner: dict[str, Any] = {
            "role": "owner",
            "full_name": "Dominique Petit",
            "birth_date": date(1965, 9, 9),
        }
        applications.add_row(**told, step="persons", values={**owner, "share_percent": 60})
        applications.finish_step(**told, step="persons")
        applications.save_account(
            **told, iban=changes.get("iban", IBAN), holder=changes.get("holder", identity["legal_name"])
        )
        applications.save_step(**told, step="partners", values={"subcontracts": False})
        for partner in changes.get("partners", ()):
            applications.add_row(**told, step="partners", values=partner)
        for number in range(changes.get("trainers", 2)):
            trainer: dict[str, Any] = {
                "full_name": f"Trainer {number}",
                "subject": "Welding",
                "qualification": "Master",
            }
            certified = number < changes.get("certified", 2)
            applications.add_row(**told, step="trainers", values={**trainer, "certified": certified})
        applications.finish_step(**told, step="trainers")
        for kind in regimes.regime_of(identity["register"]).documents:
            applications.add_document(**told, kind=kind, name=f"{kind}.pdf", content=files.pdf(kind))
        applications.finish_step(**told, step="documents")
        applications.save_step(**told, step="declaration", values={})
        return Application.objects.get(pk=one.pk)

    def handed_in(self, **changes: Any) -> Application:
        draft = self.filled(**changes)
        return applications.hand_in(actor=self.applicant, application_id=draft.pk)

    def recommended(self, recommendation: str = "accredit", **changes: Any) -> Application:
        one = self.handed_in(**changes)
        application_reviews.admit(actor=self.case_worker, application_id=one.pk)
        for point in regimes.regime_of(one.register).points:
            application_reviews.mark_point(
                actor=self.case_worker, application_id=one.pk, point=point, outcome="met"
            )
        return application_reviews.recommend(
            actor=self.case_worker,
            application_id=one.pk,
            recommendation=recommendation,
            reason="All points are met.",
        )

    def claimed(self, **changes: Any) -> Application:
        """A claim of the listing that has SIRET, handed in."""
        one = applications.start_application(
            actor=self.applicant, organisation=self.organisation, kind="claim"
        )
        told: dict[str, Any] = {"application_id": one.pk, "actor": self.applicant}
        identity: dict[str, Any] = {
            "register": "siret",
            "country": "FR",
            "number": changes.get("number", SIRET),
            "legal_name": self.organisation.name,
            "trade_name": "",
        }
        applications.save_step(**told, step="identity", values=identity)
        contact: dict[str, Any] = {
            "email": "claim@atelier.example.org",
            "phone": "+33 4 00 00 00 01",
            "website": "",
            "turnover_cents": 10_000_000,
            "currency": "EUR",
        }
        applications.save_step(**told, step="contact", values=contact)
        person: dict[str, Any] = {
            "role": "director",
            "full_name": "Claude Moreau",
            "birth_date": date(1970, 4, 2),
            "share_percent": None,
        }
        applications.add_row(**told, step="persons", values=person)
        applications.finish_step(**told, step="persons")
        applications.save_account(**told, iban=changes.get("iban", IBAN), holder=self.organisation.name)
        for kind in regimes.CLAIM_PAPERS:
            applications.add_document(**told, kind=kind, name=f"{kind}.pdf", content=files.pdf(kind))
        applications.finish_step(**told, step="documents")
        applications.save_step(**told, step="declaration", values={})
        return listing_claims.hand_in(actor=self.applicant, application_id=one.pk)

    def claim_recommended(self, recommendation: str = "accredit", **changes: Any) -> Application:
        one = self.claimed(**changes)
        application_reviews.admit(actor=self.case_worker, application_id=one.pk)
        for point in regimes.CLAIM_POINTS:
            application_reviews.mark_point(
                actor=self.case_worker, application_id=one.pk, point=point, outcome="met"
            )
        return application_reviews.recommend(
            actor=self.case_worker,
            application_id=one.pk,
            recommendation=recommendation,
            reason="The papers agree.",
        )

    def accredited(self, **changes: Any) -> Provider:
        one = self.recommended(**changes)
        grade = changes.get("grade", 1 if one.register == "ila" else None)
        application_reviews.accredit(
            actor=self.manager,
            application_id=one.pk,
            reason="Accredited.",
            valid_from=date(2026, 6, 1),
            valid_until=date(2029, 5, 31),
            grade=grade,
        )
        return Provider.objects.get(organisation=self.organisation, external_id=one.number)

    def complete_entry(self, provider: Provider, **changes: Any) -> MicroCredential:
        """A draft entry with every needed element."""
        title = changes.pop("title", "Weld safely in a workshop")
        entry = entry_drafts.create_entry(actor=self.applicant, provider=provider, title=title, kind="rs")
        values: dict[str, Any] = {
            "goals_html": "<p>You can weld two plates.</p>",
            "content_html": "<p>Safety, tools, practice.</p>",
            "has_prerequisites": False,
            "inherent_requirements": "None",
            "workload": 2,
            "workload_scheme": "ects",
            "assessed": True,
            "assessment_type": "Practical test before a jury",
            "certifies": "outcomes",
            "quality_assurance": "Yearly external review",
            "recognition": "Counts towards the welder's qualification",
            "participation": "in_person",
            "language": "fr",
            "price_cents": 100_000,
            "financial_help": "None",
            "city": "Lyon",
            "postcode": "69003",
        }
        return entry_drafts.save_entry(actor=self.applicant, entry_id=entry.pk, values={**values, **changes})

    def registered_entry(self, provider: Provider, **changes: Any) -> MicroCredential:
        entry = self.complete_entry(provider, **changes)
        entry_drafts.submit_entry(actor=self.applicant, entry_id=entry.pk)
        return entry_drafts.register_entry(actor=self.case_worker, entry_id=entry.pk)
