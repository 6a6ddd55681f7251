"""What a learner's own pages speak of: somebody who may look, a document asked for, a correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Delegation, Message, Preregistration
from accounts.services import counselling, preregistration_files
from funding.models import Booking, CorrectionRequest, LearnerDocument, OwnTransfer
from funding.services import corrections, learner_documents, own_transfers
from funding.services.bookings.context import read_booking
from ila.core import clock
from tests.funding.cards.support import shown_to
from tests.pages.support import Scene, proposed_booking

NOWHERE = UUID(int=4)


@dataclass
class LearnerThings:
    """All of it the learner's, but a file of citizens that the agency checked."""

    delegation: Delegation
    booking: Booking
    document: LearnerDocument
    correction: CorrectionRequest
    letter: Message
    file: Preregistration
    transfer: OwnTransfer

    def arguments(self) -> dict[str, dict[str, Any]]:
        """The arguments of each address."""
        return {
            "counsellor": {"public_id": self.delegation.public_id},
            "counsellor_end": {"public_id": self.delegation.public_id},
            "suggestion_dismiss": {"public_id": NOWHERE},
            "counselled": {"public_id": self.delegation.public_id},
            "counselling_answer": {"public_id": self.delegation.public_id},
            "counselled_suggest": {"public_id": self.delegation.public_id},
            "copy_download": {"public_id": NOWHERE},
            "erasure_take_back": {"public_id": NOWHERE},
            "correction_ask": {"fact": "status"},
            "correction_take_back": {"public_id": self.correction.public_id},
            "correction": {"public_id": self.correction.public_id},
            "document_hand_in": {"public_id": self.document.public_id},
            "learner_document": {"public_id": self.document.public_id},
            "document_withdraw": {"public_id": self.document.public_id},
            "booking_documents": {"public_id": self.booking.public_id},
            "letter": {"pk": self.letter.pk},
            "own_transfer": {"public_id": self.transfer.public_id},
            "own_transfer_code": {"public_id": self.transfer.public_id},
            "own_transfer_leave": {"public_id": self.transfer.public_id},
            "preregistration": {"public_id": self.file.public_id},
            "preregistration_progress": {"public_id": self.file.public_id},
            "preregistration_report": {"public_id": self.file.public_id},
            "preregistration_decide": {"public_id": self.file.public_id, "act": "discard"},
            "counselled_part": {"public_id": self.delegation.public_id, "part": "balances"},
        }


def make_learner_things(scene: Scene, booking: Booking) -> LearnerThings:
    """Somebody is invited to look, who is nobody of the scene; the provider of the booking asks for a document."""
    user = scene.learner.user
    return LearnerThings(
        counselling.invite(actor=user, email="ada@counsel.example", parts=["balances"], months=3),
        booking,
        learner_documents.ask_document(
            actor=scene.provider_member, booking_id=booking.pk, asked="A picture of your badge"
        ),
        corrections.ask_correction(actor=user, fact="status", says="I look for work"),
        Message.objects.create(
            recipient=user,
            template="booking_lapsed",
            context={"booking": str(booking.public_id)},
            sent_at=clock.now(),
        ),
        checked_file(scene),
        awaited_transfer(scene),
    )


def awaited_transfer(scene: Scene) -> OwnTransfer:
    """The learner has consented to a proposal, and their own part is waited for."""
    booking = read_booking(proposed_booking(scene).pk)
    return own_transfers.start_for_booking(
        actor=scene.learner.user,
        booking_id=booking.pk,
        sign_in=scene.learner.sign_in,
        shown=shown_to(booking),
    )


def checked_file(scene: Scene) -> Preregistration:
    """A file of citizens with a row at fault, checked."""
    run = preregistration_files.request_preregistration(
        actor=scene.case_worker,
        name="people.csv",
        content=b"given_name,family_name,birth_date\nAda,Byron,1815\n",
    )
    return preregistration_files.check_file(run_id=run.pk)
