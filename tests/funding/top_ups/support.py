"""An employer with employees, and what its bank tells of its transfers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from stdnum import luhn

from accounts.models import Employer, Organisation, User
from accounts.services import employers
from funding.audit import runner
from funding.models import BankMessage, Booking, Lot, TopUp, TopUpRefund
from funding.services import bank_messages, top_ups
from funding.services.top_ups import OrderLine
from tests.factories.accounts import UserFactory
from tests.support.books import faults
from tests.support.world import Learner, World

_numbers = count(1)
IBAN = "DE89370400440532013000"
OTHER_IBAN = "NL91ABNA0417164300"


def make_employer(world: World, *, name: str = "Ateliers du Rhône", state: str = "verified") -> Employer:
    """An employer with a manager, verified unless told otherwise."""
    number = next(_numbers)
    employer = employers.register_employer(
        actor=UserFactory.create(),
        name=name,
        country="FR",
        number=siret_number(number),
        contact_name="Alix Roux",
        contact_email="alix@example.org",
    )
    if state != "applied":
        employers.decide_employer(
            actor=world.case_worker, employer_id=employer.pk, verified=state != "refused", reason="looked up"
        )
    if state == "closed":
        employers.close_employer(actor=world.case_worker, employer_id=employer.pk, reason="gone")
    employer.refresh_from_db()
    return employer


def siret_number(number: int) -> str:
    """A SIRET that is right by its check digits, another for each number."""
    siren = f"{number:08d}"
    siren += str(luhn.calc_check_digit(siren))
    return siren + "0001" + str(luhn.calc_check_digit(siren + "0001"))


def manager_of(employer: Employer) -> User:
    """The manager who was there first."""
    return employer.organisation.memberships.order_by("pk")[0].user


@dataclass
class Firm:
    """An employer's side of a world. Use inside a database fixture and a virtual clock."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.employer = make_employer(self.world)
        self.manager = manager_of(self.employer)
        self.employees = [self.world.make_learner() for _ in range(2)]

    @property
    def organisation(self) -> Organisation:
        return self.employer.organisation

    def order(
        self,
        *amounts_cents: int,
        earmark: str = "",
        ends_on: date | None = None,
        kind: str = "voluntary",
        learners: list[Learner] | None = None,
    ) -> TopUp:
        """A pledge for the employees, one amount each."""
        learners = learners or self.employees
        return top_ups.order_top_up(
            actor=self.manager,
            organisation=self.organisation,
            scheme=self.world.scheme,
            kind=kind,
            earmark=earmark,
            ends_on=ends_on,
            lines=[
                OrderLine(learner.account.pk, cents)
                for learner, cents in zip(learners, amounts_cents, strict=False)
            ],
        )

    def pay(self, order: TopUp, cents: int | None = None, *, allocate: bool = True) -> BankMessage:
        """The employer's transfer arrives, and the job puts it on the accounts."""
        message = tell(Transfer(order.total_cents if cents is None else cents, order.reference))
        order.refresh_from_db()
        if allocate:
            top_ups.allocate_waiting()
            order.refresh_from_db()
        return message

    def book(self, learner: Learner, **facts: Any) -> Booking:
        """The learner's accepted booking."""
        return self.world.accepted(learner, self.world.make_session(**facts))


def lot_of(order: TopUp, learner: Learner) -> Lot:
    """Where the order's money lies on the learner's account."""
    return Lot.objects.get(top_up=order, account=learner.account)


def repay(firm: Firm, refund: TopUpRefund) -> None:
    """One officer notes the transfer that was made, another confirms it."""
    top_ups.note_refund(actor=firm.world.payer, refund_id=refund.pk, bank_reference="T1")
    top_ups.confirm_refund(actor=firm.world.second_payer, refund_id=refund.pk)


@dataclass
class Transfer:
    """One transfer as the bank tells of it."""

    cents: int
    structured: str = ""
    note: str = ""
    bank_reference: str = field(default_factory=lambda: f"BANKREF{next(_numbers):06d}")
    payer: str = "Ateliers du Rhône"
    iban: str = IBAN


def camt054(*transfers: Transfer, currency: str = "EUR", on: str = "2026-05-04") -> bytes:
    """A credit notification of the bank (camt.054.001.08)."""
    entries = "".join(_entry(each, currency, on) for each in transfers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>C054-{next(_numbers)}</MsgId><CreDtTm>{on}T10:00:00Z</CreDtTm></GrpHdr>"
        f"<Ntfctn><Id>N{next(_numbers)}</Id><Acct><Id><IBAN>{settings.BANK_ACCOUNT_IBAN}</IBAN></Id>"
        f"<Ccy>{currency}</Ccy></Acct>{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    ).encode()


def _entry(each: Transfer, currency: str, on: str) -> str:
    amount = f"{each.cents // 100}.{each.cents % 100:02d}"
    strd = f"<Strd><CdtrRefInf><Ref>{escape(each.structured)}</Ref></CdtrRefInf></Strd>"
    remittance = (f"<Ustrd>{escape(each.note)}</Ustrd>" if each.note else "") + (
        strd if each.structured else ""
    )
    reference = f"<AcctSvcrRef>{each.bank_reference}</AcctSvcrRef>" if each.bank_reference else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{on}</Dt></BookgDt><ValDt><Dt>{on}</Dt></ValDt>{reference}"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<RltdPties><Dbtr><Pty><Nm>{escape(each.payer)}</Nm></Pty></Dbtr>"
        f"<DbtrAcct><Id><IBAN>{each.iban}</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf>{remittance}</RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def tell(*transfers: Transfer, currency: str = "EUR") -> BankMessage:
    """The bank tells of the transfers; the message is kept and worked on."""
    return give(camt054(*transfers, currency=currency))


def give(content: bytes) -> BankMessage:
    """A message of the bank arrives, and everything that waits is worked on."""
    stored, _ = bank_messages.store_message(content=content)
    bank_messages.process_waiting()
    stored.refresh_from_db()
    return stored


def check_books() -> None:
    """Every invariant holds, and every cent is where the journal says."""
    found = [
        (finding.row, finding.code, finding.detail)
        for each in runner.run().invariants
        for finding in each.findings
    ]
    assert not found, found
    assert faults() == []
