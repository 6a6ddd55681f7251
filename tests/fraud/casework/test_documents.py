"""Files of a case: kept as they came, as long as the case."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from catalogue import documents
from fraud.services import cases
from funding.models import LearnerDocument, Reader
from funding.personal_data import _forget_documents
from funding.services import learner_documents
from ila.core import clock
from tests.catalogue.providers.files import picture
from tests.fraud.casework.office import Office

pytestmark = pytest.mark.django_db


def test_what_a_case_rests_on_outlives_the_learner_who_handed_it_in(
    office: Office, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]
) -> None:
    ((learner, booking),) = office.house.accepted(1)
    case = office.case(booking)
    badge = picture()
    for content in (badge, picture(size=(9, 9))):
        handed_in = LearnerDocument(
            citizen=learner.citizen,
            reader=Reader.AGENCY,
            asked="birth_date",
            asked_by=learner.user,
            asked_at=clock.now(),
        )
        learner_documents.keep_with(handed_in, "badge.png", content)
    kept = cases.add_document(actor=office.investigator, case_id=case.pk, name="badge.png", content=badge)
    (other,) = LearnerDocument.objects.exclude(sha256=kept.sha256)
    with django_capture_on_commit_callbacks(execute=True):
        assert _forget_documents(learner.user) >= 2
    assert documents.read(kept.sha256) == badge
    assert not documents.path_of(other.sha256).exists()
