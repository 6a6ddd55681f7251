"""Who may open which address: every address of the platform for everybody, in one table.

An address that is not in the table fails the test, and so does an answer that differs from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import factors
from funding.models import Booking, LaboratoryRun, PaymentBatch, SchemeDraft
from tests.funding.schemes.drafts import Office
from tests.pages.agency_things import AgencyThings, limit_to_another_scheme, make_agency_things
from tests.pages.award_things import AwardThings, make_award_things
from tests.pages.debt_things import DebtThings, make_debt_things
from tests.pages.employer_things import EmployerThings, make_employer_things
from tests.pages.fraud_things import FraudThings, make_fraud_things
from tests.pages.learner_things import LearnerThings, make_learner_things
from tests.pages.provider_things import (
    ProviderThings,
    make_provider_things,
    provider_work_arguments,
)
from tests.pages.statements import statement_of
from tests.pages.support import (
    Scene,
    bank_message,
    exported_batch,
    laboratory_run,
    proposed_booking,
    signed_in,
    validated_booking,
)
from tests.pages.window_scene import WindowThings, make_window_things

pytestmark = pytest.mark.django_db

PARTS = (
    "anonymous",
    "learner",
    "other_learner",
    "provider",
    "other_provider",
    "employer",
    "case_worker",
    "payment_officer",
    "investigator",
    "auditor",
)
IN = 302  # to the sign-in
OPEN = dict.fromkeys(PARTS, 200)


def _only(*parts: str, status: int = 200, others: int) -> dict[str, int]:
    return {"anonymous": IN} | {part: status if part in parts else others for part in PARTS[1:]}


AGENCY = ("case_worker", "payment_officer", "investigator", "auditor")
SEES_BOOKING = _only("learner", "provider", *AGENCY, others=404)
LEARNER_ALONE = _only("learner", others=404)
OF_PROVIDER = _only("provider", others=404)
# Who reads what providers tell of themselves.
REVIEWERS = ("case_worker", "investigator", "auditor")
BATCHES = _only("payment_officer", "auditor", others=403)
SIGNED_IN = _only(*PARTS[1:], others=200)
# Whoever has neither password nor factor came with an e-identity: there is nothing more to ask of them here.
WITH_PASSWORD = ("learner", "provider", *AGENCY)
# Whoever is signed in already is sent on from the sign-in.
FOR_GUESTS = {"anonymous": 200} | dict.fromkeys(PARTS[1:], 302)

IMPORT_PAGES = ("import_run", "import_progress", "import_confirm", "import_discard", "import_report")
UNKNOWN_PAGES = (*IMPORT_PAGES, "stack", "stack_retire", "survey")

# name of the address: what a GET answers to whom.
EXPECTED: dict[str, dict[str, int]] = {
    "start": OPEN,
    "health": OPEN,
    "set_language": dict.fromkeys(PARTS, 302),
    "catalogue": OPEN,
    "compare": OPEN,
    "saved_searches": SIGNED_IN,
    "saved_search_mails": _only(others=405),
    "saved_search_delete": _only(others=405),
    "saved_search_stop": OPEN,
    "entry": OPEN,
    "entry_jsonld": OPEN,
    "exports": OPEN,
    "register_csv": OPEN,
    "sessions_csv": OPEN,
    "register_json": OPEN,
    "register_europass": OPEN,
    "sitemap_index": OPEN,
    "sitemap": OPEN,
    "robots": OPEN,
    "imports": _only("case_worker", others=403),
    "import_template": OPEN,
    "import_run": _only(others=403) | {"case_worker": 404},
    "import_progress": _only(others=403) | {"case_worker": 404},
    "import_confirm": _only(others=405),
    "import_discard": _only(others=405),
    "stacks": OPEN,
    "stack": dict.fromkeys(PARTS, 404),
    "stack_new": _only("provider", "other_provider", "case_worker", others=403),
    "stack_retire": _only(others=405),
    "pathway": SIGNED_IN,
    "survey": dict.fromkeys(PARTS, 404),
    "import_report": _only(others=403) | {"case_worker": 404},
    # Learners have a portfolio; providers and the agency have awards to look after.
    "portfolio": _only("learner", "other_learner", others=404),
    "portfolio_share": _only("learner", "other_learner", others=404),
    "portfolio_share_end": _only(others=405),
    "shared_portfolio": OPEN,
    "awards": _only("provider", "other_provider", *AGENCY, others=404),
    "award": SEES_BOOKING,
    "award_token": SEES_BOOKING,
    "award_document": SEES_BOOKING,
    "award_badge_png": SEES_BOOKING,
    "award_badge_svg": SEES_BOOKING,
    "award_certificate": SEES_BOOKING,
    "award_revoke": _only("provider", "case_worker", others=404),
    "verify": OPEN,
    "verify_award": OPEN,
    "award_jwks": OPEN,
    "award_key": OPEN,
    "award_issuer": OPEN,
    "award_status": OPEN,
    "award_terms": OPEN,
    # Whoever is signed in may register an employer; what is of one is nobody else's.
    "employer_home": SIGNED_IN,
    "employer_register": SIGNED_IN,
    "employer_list_template": SIGNED_IN,
    **dict.fromkeys(
        (
            "employer",
            "employer_top_up_new",
            "employer_list_new",
            "employer_totals",
            "employer_top_up",
            "employer_top_up_code",
            "employer_top_up_cancel",
            "card_payment",
            "employer_draft",
            "employer_draft_progress",
            "employer_draft_faults",
        ),
        _only("employer", others=404),
    ),
    **dict.fromkeys(
        (
            "employer_again",
            "employer_top_up_refund",
            "employer_top_up_card",
            "employer_top_up_card_refund",
            "card_payment_open",
            "card_payment_give_up",
            "card_debt_pay",
            "employer_draft_confirm",
            "employer_draft_discard",
            "top_up_reference_give",
            "top_up_reference_revoke",
            "payroll_number_revoke",
        ),
        _only(others=405),
    ),
    # On to the page of the team.
    "employer_members": _only("employer", status=302, others=404),
    # Stripe posts, signed; nobody reads.
    "stripe_webhook": dict.fromkeys(PARTS, 405),
    "agency_employers": _only(*AGENCY, others=403),
    "agency_employer": _only(*AGENCY, others=403),
    "agency_receipts": BATCHES,
    "agency_receipt": _only("payment_officer", others=403),
    "agency_refund": _only("payment_officer", others=403),
    "my_top_ups": _only("learner", "other_learner", others=404),
    "payroll_number": _only("learner", others=404),
    # Whoever is a citizen says who may look; the one invited is nobody of these.
    "counsellors": _only("learner", "other_learner", others=404),
    "counsellor": LEARNER_ALONE,
    "counselling": SIGNED_IN,
    **dict.fromkeys(("counselled", "counselled_part", "counselled_suggest"), _only(others=404)),
    **dict.fromkeys(("counsellor_end", "counselling_answer", "suggestion_dismiss"), _only(others=405)),
    # Everybody's data are theirs; a copy that was made is its owner's alone.
    "personal_data": SIGNED_IN,
    "erasure_ask": SIGNED_IN,
    "copy_download": _only(others=404),
    **dict.fromkeys(("copy_ask", "erasure_take_back"), _only(others=405)),
    "erasures": _only("case_worker", "auditor", others=403),
    **dict.fromkeys(
        ("learner_documents", "refunds", "refund_account", "details", "correction_ask"),
        _only("learner", "other_learner", others=404),
    ),
    "document_hand_in": LEARNER_ALONE,
    # Asked for by the provider, not handed in yet: there is nothing to read.
    "learner_document": _only(others=404),
    "booking_documents": _only("provider", "case_worker", others=404),
    **dict.fromkeys(("document_withdraw", "correction_take_back"), _only(others=405)),
    "corrections": _only("case_worker", others=403),
    "preregistrations": _only("case_worker", others=403),
    **dict.fromkeys(
        ("preregistration", "preregistration_progress", "preregistration_report"),
        _only("case_worker", others=403),
    ),
    "preregistration_decide": _only(others=405),
    "letter": LEARNER_ALONE,
    "correction": _only("case_worker", others=403),
    "own_transfer": LEARNER_ALONE,
    "own_transfer_code": LEARNER_ALONE,
    "own_transfer_leave": _only(others=405),
    "bookings": SIGNED_IN,
    "booking": SEES_BOOKING,
    "booking_accept": LEARNER_ALONE,
    # A refusal is a POST: a GET is not answered, and says nothing of whose booking it is.
    "booking_refuse": _only(others=405),
    "booking_leave": LEARNER_ALONE,
    "booking_ask": SIGNED_IN,
    "learning_accounts": SIGNED_IN,
    "learning_account": LEARNER_ALONE,
    # Whoever is no known citizen has no account to open.
    "learning_account_open": _only("learner", "other_learner", others=404),
    "booking_receipt": _only("learner", *AGENCY, others=404),
    "booking_not_mine": LEARNER_ALONE,
    "booking_receipt_pdf": _only("learner", *AGENCY, others=404),
    "statements": SIGNED_IN,
    "statement": _only("learner", "case_worker", "auditor", others=404),
    "statement_pdf": _only("learner", "case_worker", "auditor", others=404),
    # Open to whoever has the mail; this token is in none.
    "not_me": dict.fromkeys(PARTS, 404),
    "account_back": SIGNED_IN,
    "agency_introductions": _only("case_worker", "investigator", "auditor", others=403),
    "disputes": _only("case_worker", others=403),
    # Neither is there: who may not look is not told so.
    "dispute": _only(others=403) | {"case_worker": 404},
    "alarm": _only(others=403) | {"case_worker": 404},
    "windows": OPEN,
    "window": OPEN,
    "window_sessions": OPEN,
    "window_grants": OPEN,
    "window_grants_csv": OPEN,
    "place_take": _only(others=405),
    "place_leave": _only(others=405),
    "waiting_room": LEARNER_ALONE,
    "window_apply": LEARNER_ALONE,
    "window_result": LEARNER_ALONE,
    "agency_windows": _only(*AGENCY, others=403),
    "agency_window": _only(*AGENCY, others=403),
    "agency_window_open": _only("case_worker", others=403),
    "agency_home": _only(*AGENCY, others=403),
    "agency_claims": _only(*AGENCY, others=403),
    "agency_claim": _only(*AGENCY, others=403),
    "agency_claims_decide": _only(others=405),
    "agency_budgets": _only(*AGENCY, others=403),
    "agency_budget": _only(*AGENCY, others=403),
    "agency_appropriation_new": _only("payment_officer", others=403),
    "agency_appropriation": _only(*AGENCY, others=403),
    "agency_holds": _only("case_worker", "payment_officer", "investigator", others=403),
    "agency_hold_new": _only("case_worker", "payment_officer", "investigator", others=403),
    "agency_hold_release": _only("case_worker", "payment_officer", "investigator", others=403),
    "agency_suspensions": _only("case_worker", others=403),
    "agency_suspend": _only("case_worker", others=403),
    "agency_roles": _only(*AGENCY, others=403),
    # Managers alone limit roles, and nobody their own.
    "agency_role_schemes": _only(others=403),
    "batch_new": _only("payment_officer", others=403),
    "batch_approve": _only("payment_officer", others=403),
    "batch_send": _only("payment_officer", others=403),
    # What is exported is not dropped: on to the batch.
    "batch_drop": _only("payment_officer", status=302, others=403),
    "agency_refund_batch": _only("payment_officer", others=403),
    "agency_session_never_held": _only("case_worker", others=403),
    "agency_reduce_service": _only("case_worker", others=403),
    "agency_take_back": _only("payment_officer", others=403),
    "agency_payee": _only("payment_officer", others=403),
    "batches": BATCHES,
    **dict.fromkeys(
        ("agency_receivables", "agency_aged_csv", "agency_receivable", "agency_receivable_letter"),
        _only(*AGENCY, others=403),
    ),
    **dict.fromkeys(
        ("remittance_pdf", "remittance_csv", "provider_debt", "provider_debt_letter"),
        _only("provider", others=403) | {"other_provider": 404},
    ),
    "agency_recovery": _only("payment_officer", others=403),
    **dict.fromkeys(("reconciliation", "reconciliation_csv", "reconciliation_day"), BATCHES),
    **dict.fromkeys(("reconciliation_stripe_day", "agency_cards", "agency_card_payment"), BATCHES),
    "batch": BATCHES,
    "batch_file": BATCHES,
    "bank_messages": BATCHES,
    "bank_message_raw": BATCHES,
    "audit": _only(*AGENCY, others=403),
    "laboratory": _only("case_worker", "auditor", others=403),
    "laboratory_run": _only("case_worker", "auditor", others=403),
    "laboratory_json": _only("case_worker", "auditor", others=403),
    "laboratory_csv": _only("case_worker", "auditor", others=403),
    "laboratory_chart": _only("case_worker", "auditor", others=403),
    "laboratory_cancel": _only(others=405),
    "laboratory_delete": _only(others=405),
    # Who pays has no business in what names people; who watches takes no step.
    **dict.fromkeys(
        (
            "fraud_desk",
            "fraud_feeds",
            "fraud_fairness",
            "fraud_alerts",
            "fraud_alert",
            "fraud_cases",
            "fraud_case",
            "fraud_case_picture",
            "fraud_measure",
            "fraud_holds",
            "fraud_hold",
            "fraud_places",
            "fraud_place",
            "fraud_reports",
            "fraud_tuning",
            "fraud_control",
            "fraud_drift",
            "fraud_drift_detector",
            "fraud_drift_chart",
            "fraud_detector",
            "fraud_back_test",
            "fraud_rule",
        ),
        _only("case_worker", "investigator", "auditor", others=403),
    ),
    **dict.fromkeys(
        (
            "fraud_alert_step",
            "fraud_case_step",
            "fraud_measure_step",
            "fraud_hold_step",
            "fraud_place_new",
            "fraud_place_step",
            "fraud_propose",
            "fraud_rule_step",
        ),
        _only("investigator", others=403),
    ),
    **dict.fromkeys(("fraud_case_dossier", "fraud_holds_release"), _only(others=405)),
    **dict.fromkeys(
        ("fraud_case_document", "fraud_hold_document"),
        _only("case_worker", "investigator", "auditor", status=404, others=403),
    ),
    # There is nothing to draw.
    "fraud_alert_picture": _only("case_worker", "investigator", "auditor", status=404, others=403),
    "fraud_survey": LEARNER_ALONE,
    "fraud_report": LEARNER_ALONE,
    **dict.fromkeys(("provider_letters", "provider_holds"), _only("provider", "other_provider", others=403)),
    **dict.fromkeys(
        ("provider_letter", "provider_question", "provider_measure", "provider_hold"),
        _only("provider", others=403) | {"other_provider": 404},
    ),
    "operations": _only(*AGENCY, others=403),
    "job_retry": _only(others=405),
    "review_close": _only(others=405),
    "schemes": OPEN,
    "scheme": OPEN,
    "agency_schemes": _only(*AGENCY, others=403),
    "agency_scheme": _only(*AGENCY, others=403),
    "scheme_version_file": _only(*AGENCY, others=403),
    "scheme_draft": _only(*AGENCY, others=403),
    # Managers alone write rules; what changes something is a POST.
    "scheme_draft_new": _only(others=403),
    "scheme_draft_edit": _only(others=403),
    "scheme_draft_act": _only(others=405),
    "scheme_withdraw": _only(others=405),
    "scheme_replace": _only(others=405),
    "provider_home": _only("provider", "other_provider", others=403),
    **dict.fromkeys(
        (
            "provider_work",
            "provider_sessions",
            "provider_money",
            "provider_claim",
            "provider_owed",
            "provider_payments",
            "provider_statement",
            "provider_statement_csv",
        ),
        _only("provider", "other_provider", others=403),
    ),
    **dict.fromkeys(
        (
            "provider_session",
            "provider_session_dates",
            "provider_session_teaching",
            "provider_session_move",
            "provider_days",
            "provider_sheet",
            "provider_code",
            "provider_step_all",
            "provider_remittance",
            "provider_remittance_csv",
            "provider_remittance_pdf",
            "team",
            "team_member",
        ),
        OF_PROVIDER,
    ),
    # There is a code only on its day, and a file only where one was handed in.
    **dict.fromkeys(("provider_code_picture", "certificate_file", "attend", "team_join"), _only(others=404)),
    "attend_code": SIGNED_IN,
    # Who acts for one organisation alone goes straight to its team; the employer here acts for two.
    "teams": _only("learner", "other_learner", "employer", others=302),
    "team_withdraw": _only(others=405),
    # Who acts for a provider is sent on to it; nobody of the agency founds one.
    "provider_join": _only("learner", "other_learner", "employer", others=403)
    | {"provider": 302, "other_provider": 302},
    "provider_start": _only(others=405),
    "provider_application": OF_PROVIDER,
    "provider_step": OF_PROVIDER,
    "provider_submit": _only(others=405),
    "provider_answer": _only(others=405),
    "provider_remove": _only(others=405),
    "provider_document": _only("provider", *REVIEWERS, others=404),
    "provider_entry_new": OF_PROVIDER,
    "provider_entry": OF_PROVIDER,
    "provider_entry_step": OF_PROVIDER,
    "provider_entry_submit": _only(others=405),
    "provider_entry_price": _only(others=405),
    "provider_entry_sessions": _only(others=405),
    "provider_entry_session": _only(others=405),
    "provider_entry_places": _only(others=405),
    "provider_entry_place_remove": _only(others=405),
    "provider_entry_version_withdraw": _only(others=405),
    "provider_withdraw": _only(others=405),
    "provider_account": OF_PROVIDER,
    "provider_account_act": _only(others=405),
    # Nobody is paid through Stripe unless the operator offers it.
    "provider_stripe": _only(others=404),
    # Whoever received the notice objects, with or without an account here.
    "account_objection": OPEN,
    "provider_details": OF_PROVIDER,
    "provider_detail": OF_PROVIDER,
    "provider_detail_new": OF_PROVIDER,
    "agency_changes": _only(*REVIEWERS, others=403),
    "agency_detail_act": _only(others=405),
    "agency_account_change": _only(*REVIEWERS, others=403),
    "agency_account_change_act": _only(others=405),
    "agency_providers": _only(*REVIEWERS, others=403),
    "agency_application": _only(*REVIEWERS, others=403),
    "agency_application_act": _only(others=405),
    "agency_accreditations": _only(*REVIEWERS, others=403),
    "agency_accreditation": _only(*REVIEWERS, others=403),
    "agency_accreditation_act": _only(others=405),
    "agency_entries": _only(*REVIEWERS, others=403),
    "agency_entry": _only(*REVIEWERS, others=403),
    "agency_entry_act": _only(others=405),
    "account_login": FOR_GUESTS,
    "account_logout": {"anonymous": 302} | dict.fromkeys(PARTS[1:], 200),
    "account_inactive": OPEN,
    "account_email_verification_sent": OPEN,
    "account_confirm_email": OPEN,
    "account_reset_password": OPEN,
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": OPEN,
    "account_reset_password_from_key_done": OPEN,
    "account_signup": FOR_GUESTS,
    "account_email": SIGNED_IN,
    "account_change_password": _only(*WITH_PASSWORD, others=302),
    # Whoever has a password changes it.
    "account_set_password": _only(*WITH_PASSWORD, status=302, others=200),
    "account_reauthenticate": _only(*WITH_PASSWORD, others=403),
    "mfa_index": SIGNED_IN,
    # On to where they wanted: here everybody who must use a factor has used it.
    "second_factor": dict.fromkeys(PARTS, 302),
    # Only between the password and the session.
    "mfa_authenticate": dict.fromkeys(PARTS, 302),
    "mfa_reauthenticate": _only(*AGENCY, others=403) | {"learner": 302, "provider": 302},
    "mfa_reauthenticate_webauthn": _only(*WITH_PASSWORD, status=302, others=403),
    # First they prove once more who they are.
    "mfa_activate_totp": _only(others=302),
    "mfa_deactivate_totp": _only(*AGENCY, status=302, others=404),
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": _only(others=302),
    "mfa_login_webauthn": dict.fromkeys(PARTS, 302),
    "mfa_edit_webauthn": _only(*WITH_PASSWORD, status=302, others=404),
    "mfa_remove_webauthn": _only(*WITH_PASSWORD, status=302, others=404),
    "mfa_view_recovery_codes": _only(others=404),
    "mfa_generate_recovery_codes": _only(*WITH_PASSWORD, status=302, others=200),
    "mfa_download_recovery_codes": _only(others=404),
    "usersessions_list": SIGNED_IN,
    "confirm_identity": SIGNED_IN,
    # Whoever is signed in proves themselves on the page above; who was not proved has no address to give.
    "identity_choose": FOR_GUESTS,
    "identity_address": dict.fromkeys(PARTS, 302),
    "identity_code": dict.fromkeys(PARTS, 302),
    "identity_account": SIGNED_IN,
    "identity_answer": _only(others=404),
    "identity_left": OPEN,
    "identity_leave": dict.fromkeys(PARTS, 302),
    "identity_begin": dict.fromkeys(PARTS, 404),
    "identity_callback": dict.fromkeys(PARTS, 404),
    "identity_claims": _only("case_worker", others=403),
    "identity_claim": _only(others=403) | {"case_worker": 404},
    "identity_claim_act": _only(others=405),
}


@dataclass
class Things:
    """What the addresses speak of: all of it the learner's or the provider's own."""

    booking: Booking
    waiting: Booking
    batch: PaymentBatch
    sha256: str
    entry: int
    draft: SchemeDraft
    windows: WindowThings
    laboratory: LaboratoryRun
    awards: AwardThings
    providers: ProviderThings
    statement: UUID
    employers: EmployerThings
    agency: AgencyThings
    learners: LearnerThings
    debts: DebtThings
    fraud: FraudThings

    def arguments(self, name: str) -> dict[str, Any]:
        """The arguments of an address."""
        made: dict[str, dict[str, Any]] = {
            "entry": {"pk": self.entry},
            "saved_search_mails": {"public_id": self.booking.public_id},
            "saved_search_delete": {"public_id": self.booking.public_id},
            "saved_search_stop": {"stop_token": self.booking.public_id},
            "entry_jsonld": {"pk": self.entry},
            "sitemap": {"section": "entries"},
            "import_template": {"ending": "csv"},
            **{key: {"public_id": UUID(int=4)} for key in UNKNOWN_PAGES},
            **self.awards.arguments(),
            **self.providers.arguments(),
            **self.employers.arguments(),
            **self.agency.arguments(),
            **self.learners.arguments(),
            **self.debts.arguments(),
            **self.fraud.arguments(),
            "booking": {"public_id": self.booking.public_id},
            "booking_receipt": {"public_id": self.booking.public_id},
            "booking_not_mine": {"public_id": self.booking.public_id},
            "booking_receipt_pdf": {"public_id": self.booking.public_id},
            "not_me": {"token": "unknown"},
            "dispute": {"public_id": UUID(int=4)},
            "alarm": {"public_id": UUID(int=4)},
            "statement": {"public_id": self.statement},
            "statement_pdf": {"public_id": self.statement},
            **provider_work_arguments(self.booking, self.batch),
            "provider_session_dates": {"session_id": self.waiting.session_id},
            "provider_session_teaching": {"session_id": self.waiting.session_id},
            "booking_accept": {"public_id": self.waiting.public_id},
            "booking_refuse": {"public_id": self.waiting.public_id},
            "booking_leave": {"public_id": self.waiting.public_id},
            "booking_ask": {"session_id": self.booking.session_id},
            "learning_account": {"public_id": self.booking.account.public_id},
            "learning_account_open": {"code": self.booking.account.scheme.code},
            "job_retry": {"job_id": 1},
            "review_close": {"review_id": 1},
            "window_result": {"pk": self.windows.granted.pk},
            "window_apply": {"pk": self.windows.waiting.pk, "session_id": self.windows.session.pk},
            **{
                each: {"pk": self.windows.waiting.pk}
                for each in (
                    "window",
                    "window_sessions",
                    "window_grants",
                    "window_grants_csv",
                    "place_take",
                    "place_leave",
                    "waiting_room",
                    "agency_window",
                )
            },
            **{
                f"laboratory_{each}": {"public_id": self.laboratory.public_id}
                for each in ("run", "json", "cancel", "delete")
            },
            "laboratory_csv": {"public_id": self.laboratory.public_id, "which": "costs"},
            "laboratory_chart": {"public_id": self.laboratory.public_id, "name": "costs"},
            "batch": {"msg_id": self.batch.msg_id},
            "batch_file": {"msg_id": self.batch.msg_id},
            "batch_drop": {"msg_id": self.batch.msg_id},
            "agency_session_never_held": {"session_id": self.booking.session_id},
            "agency_reduce_service": {"public_id": self.booking.public_id},
            "agency_take_back": {"public_id": self.booking.public_id},
            "bank_message_raw": {"sha256": self.sha256},
            "scheme": {"code": "cpf"},
            "agency_scheme": {"code": "cpf"},
            "scheme_version_file": {"code": "cpf", "day": "2026-04-02"},
            "scheme_withdraw": {"code": "cpf", "day": "2026-04-02"},
            "scheme_replace": {"code": "cpf", "day": "2026-04-02"},
            "scheme_draft": {"draft_id": self.draft.public_id},
            "scheme_draft_edit": {"draft_id": self.draft.public_id},
            "scheme_draft_act": {"draft_id": self.draft.public_id, "act": "approve"},
            "identity_begin": {"provider": "unknown"},
            "identity_callback": {"provider": "unknown"},
            "identity_claim": {"public_id": UUID(int=4)},
            "identity_claim_act": {"public_id": UUID(int=4), "act": "match"},
            "account_confirm_email": {"key": "nothing"},
            "mfa_edit_webauthn": {"pk": 1},
            "mfa_remove_webauthn": {"pk": 1},
            "account_reset_password_from_key": {"uidb36": "1", "key": "a-b"},
        }
        return made.get(name, {})


@pytest.fixture
def things(scene: Scene, settings: Any, tmp_path: Path) -> Things:
    settings.DOCUMENTS_DIR = tmp_path
    booking = validated_booking(scene)
    batch = exported_batch(scene, booking)
    message = bank_message(batch)
    waiting, draft = proposed_booking(scene), Office(scene.world.scheme).proposed()
    run = laboratory_run(scene)
    windows, awards = make_window_things(scene), make_award_things(scene, booking)
    providers = make_provider_things(scene)
    return Things(
        booking,
        waiting,
        batch,
        message.sha256,
        scene.world.credential.pk,
        draft,
        windows,
        run,
        awards,
        providers,
        statement_of(booking.account),
        make_employer_things(scene),
        make_agency_things(scene, booking, batch),
        make_learner_things(scene, booking),
        make_debt_things(scene, booking, batch),
        make_fraud_things(scene, booking),
    )


def addresses(patterns: list[Any] | None = None) -> Iterator[URLPattern]:
    """Every address of the platform."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        else:
            yield pattern


def test_every_address_is_in_the_table() -> None:
    names = [pattern.name for pattern in addresses()]
    assert None not in names, "an address without a name cannot be checked"
    assert sorted(names) == sorted(EXPECTED)  # type: ignore[type-var]


def test_everybody_gets_what_the_table_says(scene: Scene, things: Things) -> None:
    wrong = []
    for part, user in scene.people.items():
        client = signed_in(user)
        for name, expected in EXPECTED.items():
            status = client.get(reverse(name, kwargs=things.arguments(name))).status_code
            if status != expected[part]:
                wrong.append(f"{name} for {part}: {status}, not {expected[part]}")
    assert not wrong, "\n".join(wrong)


def test_everybody_has_a_row_for_every_part() -> None:
    assert all(set(row) == set(PARTS) for row in EXPECTED.values())


@pytest.mark.parametrize("part", [part for part in PARTS if part not in {"anonymous", "learner"}])
@pytest.mark.parametrize("name", ["booking_accept", "booking_refuse"])
def test_nobody_answers_a_proposal_for_its_learner(
    scene: Scene, things: Things, name: str, part: str
) -> None:
    client = signed_in(scene.people[part])
    answer = client.post(reverse(name, kwargs=things.arguments(name)), {"consent": "on", "key": "x"})
    assert answer.status_code == 404
    things.waiting.refresh_from_db(fields=["public_id"])
    assert Booking.objects.get(pk=things.waiting.pk).state == "proposed"


def test_guests_are_sent_to_the_sign_in_and_back(client: Client, things: Things) -> None:
    answer = client.get(f"/bookings/{things.booking.public_id}/")
    assert answer.headers["Location"] == f"/accounts/login/?next=/bookings/{things.booking.public_id}/"
    unknown = client.get("/bookings/00000000-0000-4000-8000-000000000000/")
    assert unknown.status_code == 302, "whether a booking exists is not told before the sign-in"


def test_a_booking_that_is_not_there_looks_like_one_that_is_not_yours(scene: Scene, things: Things) -> None:
    client = signed_in(scene.other_learner.user)
    missing = client.get("/bookings/00000000-0000-4000-8000-000000000000/")
    foreign = client.get(f"/bookings/{things.booking.public_id}/")
    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert b"Camille" not in foreign.content
    assert b"agile" not in foreign.content


def test_a_form_from_elsewhere_is_refused(scene: Scene, things: Things) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(scene.learner.user)
    answer = client.post(f"/bookings/{things.waiting.public_id}/accept/", {"consent": "on"})
    assert answer.status_code == 403
    assert b"This form is too old" in answer.content


def test_lists_show_nobody_elses_bookings(scene: Scene, things: Things) -> None:
    seen = {
        part: signed_in(user).get("/bookings/").context["page"].paginator.count
        for part, user in scene.people.items()
        if user is not None
    }
    assert seen == {
        "learner": 4,
        "other_learner": 0,
        "provider": 4,
        "other_provider": 0,
        "employer": 0,
        "case_worker": 4,
        "payment_officer": 4,
        "investigator": 4,
        "auditor": 4,
    }


def test_an_ended_membership_opens_nothing(scene: Scene, things: Things) -> None:
    membership = scene.provider_member.memberships.get()
    membership.ended_at = membership.created_at
    membership.save()
    assert signed_in(scene.provider_member).get(f"/bookings/{things.booking.public_id}/").status_code == 404


# What belongs to a scheme: whoever works for other schemes alone is not told that it is there.
OF_A_SCHEME = (
    "booking",
    "booking_receipt",
    "agency_claim",
    "batch",
    "batch_file",
    "batch_approve",
    "batch_send",
    "agency_payee",
    "bank_message_raw",
    "agency_budget",
    "agency_appropriation",
    "agency_hold_release",
    "agency_suspend",
    "agency_receivable",
    "agency_receivable_letter",
    "agency_refund",
    "agency_reduce_service",
    "agency_take_back",
    "batch_drop",
    "statement",
    "statement_pdf",
)


@pytest.mark.parametrize("part", AGENCY)
def test_what_belongs_to_another_scheme_is_not_there(scene: Scene, things: Things, part: str) -> None:
    user = scene.people[part]
    assert user is not None
    limit_to_another_scheme(user)
    client = signed_in(user)
    wrong = []
    for name in OF_A_SCHEME:
        status = client.get(reverse(name, kwargs=things.arguments(name))).status_code
        if status not in ({404} if EXPECTED[name][part] == 200 else {403, 404}):
            wrong.append(f"{name}: {status}")
    assert not wrong
    for name in ("bookings", "agency_claims", "agency_windows"):
        assert client.get(reverse(name)).context["page"].paginator.count == 0, name
    for name in ("agency_receivables", "corrections", "statements", "agency_receipts"):
        if EXPECTED[name][part] == 200:
            assert client.get(reverse(name)).context["page"].paginator.count == 0, name
    # The bank's account is every scheme's, and so is a transfer that names no debt.
    for name in ("reconciliation", "reconciliation_csv", "reconciliation_day"):
        assert client.get(reverse(name, kwargs=things.arguments(name))).status_code == 403, name
    assert client.get(reverse("agency_recovery", kwargs=things.arguments("agency_recovery"))).status_code in (
        403,
        404,
    )
    groups = client.get(reverse("agency_home")).context["groups"]
    assert not any(page.url_name == "reconciliation" for group in groups for page, _url in group.pages)


# -- the second factor ------------------------------------------------------------------------------------------------

# What opens before it: signing out, another language, whether the platform lives, and the factor itself.
BEFORE_FACTOR = {"second_factor", "account_logout", "set_language", "health"}
SET_FACTOR_UP = {"mfa_activate_totp", "mfa_add_webauthn", "account_reauthenticate"}
USE_FACTOR = {"mfa_reauthenticate", "mfa_reauthenticate_webauthn"}


def passed(client: Client, things: Things) -> set[str]:
    """Every address that answers otherwise than by asking for the second factor."""
    found = set()
    for pattern in addresses():
        name = str(pattern.name)
        # Signing out in the middle would end the test: a guest is asked for a password instead.
        if name == "account_logout":
            continue
        url = reverse(name, kwargs=things.arguments(name))
        for answer in (client.get(url), client.post(url)):
            if not answer.headers.get("Location", "").startswith("/accounts/second-factor/?"):
                found.add(name)
    return found


@pytest.mark.parametrize("has_app", [False, True])
def test_without_it_no_address_opens_by_any_method(scene: Scene, things: Things, has_app: bool) -> None:
    officer = scene.payment_officer
    client = signed_in(officer, factor=False)
    if has_app:
        factors.set_up_app(officer)
    assert passed(client, things) <= BEFORE_FACTOR | (USE_FACTOR if has_app else SET_FACTOR_UP)
