"""Pictures of the main pages, from the demonstration's data, as its people see them: for docs/screens."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from accounts.models import Membership, Role, User
from catalogue.models import Application
from fraud.models import Alert, Case, Letter
from funding.models import Booking, CardPayment, LearningAccount, PaymentBatch, Receivable
from ila.demo import desk, people

PHONE, DESKTOP = (360, 720), (1280, 900)
# How much of a long page is shown, in pixels of height: what one scrolls through in a moment.
TALLEST = {PHONE: 1440, DESKTOP: 1400}
COLOURS = 96
LARGEST_BYTES = 150_000
LEARNER, PROVIDER, MANAGER = "camille.durand", "provider.82044", "author"


@dataclass(frozen=True)
class Screen:
    """A page: the picture's name, the address, whose eyes."""

    name: str
    address: str
    mailbox: str = ""


def chromium() -> str | None:
    """Where Debian's Chromium is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def learner() -> LearningAccount | None:
    """The story's learner; None before the demonstration was played."""
    booked = LearningAccount.objects.filter(
        citizen__user__email=f"{LEARNER}@demo.example", bookings__isnull=False
    )
    return booked.select_related("scheme").order_by("pk").first()


def screens_of(account: LearningAccount) -> Iterator[Screen]:
    """The main pages: what everybody, a learner, providers, an employer and the agency see first."""
    booking = Booking.objects.filter(account=account).select_related("session").order_by("pk")[0]
    yield Screen("start", "/")
    yield Screen("catalogue", "/catalogue/?q=langue")
    yield Screen("entry", reverse("entry", args=[booking.session.micro_credential_id]))
    yield Screen("scheme", reverse("scheme", args=[account.scheme.code]))
    yield Screen("learner-account", reverse("learning_account", args=[account.public_id]), LEARNER)
    yield Screen("learner-booking", reverse("booking", args=[booking.public_id]), LEARNER)
    yield Screen("learner-portfolio", "/portfolio/", LEARNER)
    yield Screen("provider", "/provider/", PROVIDER)
    yield Screen("provider-money", "/provider/money/", PROVIDER)
    yield Screen("provider-account", reverse("provider_account", args=[booking.provider_id]), PROVIDER)
    yield from _of_the_agency()
    yield from _of_fraud()


def _of_the_agency() -> Iterator[Screen]:
    """What the agency's people work on, as far as it is there; and an order as its employer sees it."""
    yield Screen("agency", "/agency/", MANAGER)
    application = Application.objects.filter(organisation__name=desk.APPLICANT).first()
    if application is not None:
        address = reverse("agency_application", args=[application.public_id])
        yield Screen("agency-application", address, "case.worker")
    batch = PaymentBatch.objects.order_by("pk").first()
    if batch is not None:
        yield Screen("agency-batch", reverse("batch", args=[batch.msg_id]), "payment.officer")
    debt = Receivable.objects.order_by("pk").first()
    if debt is not None:
        yield Screen("agency-receivable", reverse("agency_receivable", args=[debt.pk]), "payment.officer")
    paid = CardPayment.objects.filter(top_up__isnull=False).select_related("payer").order_by("pk").first()
    if paid is not None:
        yield Screen("employer-payment", reverse("card_payment", args=[paid.public_id]), _mailbox(paid.payer))
        yield Screen("agency-cards", "/agency/cards/", "payment.officer")
    yield Screen("agency-audit", "/agency/audit/", "auditor")
    yield Screen("agency-rules", "/agency/schemes/", MANAGER)


def _of_fraud() -> Iterator[Screen]:
    """What a day's watch found (`manage.py fraud_watch`), and what the provider was written about it."""
    yield Screen("fraud", "/agency/fraud/", MANAGER)
    alert = Alert.objects.order_by("pk").first()
    if alert is not None:
        yield Screen("fraud-alert", reverse("fraud_alert", args=[alert.public_id]), MANAGER)
    case = Case.objects.order_by("pk").first()
    if case is not None:
        yield Screen("fraud-case", reverse("fraud_case", args=[case.public_id]), MANAGER)
    letter = Letter.objects.select_related("provider").order_by("pk").first()
    if letter is None:
        return
    member = (
        Membership.objects.filter(organisation__providers=letter.provider, role=Role.MANAGER)
        .select_related("user")
        .order_by("pk")
        .first()
    )
    if member is not None:
        address = reverse("provider_letter", args=[letter.public_id])
        yield Screen("provider-letter", address, _mailbox(member.user))


def _mailbox(user: User) -> str:
    return user.email.partition("@")[0]


def take(screens: list[Screen], *, server: str, folder: Path, executable: str) -> list[Path]:
    """Take a phone's and a desktop's picture of each page into a folder. Returns the files, in order."""
    files = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--headless", "--no-sandbox"])
        pages = _Pages(browser, server)
        for screen in screens:
            page = pages.of(screen.mailbox)
            for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
                page.set_viewport_size({"width": size[0], "height": size[1]})
                answer = page.goto(f"{server}{screen.address}", wait_until="load")
                if answer is None or answer.status != 200:
                    raise RuntimeError(f"{screen.address}: {answer and answer.status}")
                file = folder / f"{screen.name}-{width}.png"
                file.write_bytes(_small(page.screenshot(full_page=True), tallest=TALLEST[size]))
                files.append(file)
        browser.close()
    return files


class _Pages:
    """One browser session for each of the demonstration's people, opened by the form that everybody uses."""

    def __init__(self, browser: Browser, server: str) -> None:
        self._browser, self._server = browser, server
        self._open: dict[str, Page] = {}

    def of(self, mailbox: str) -> Page:
        """The page of one person; of nobody for an empty mailbox."""
        if mailbox not in self._open:
            page = self._browser.new_context(locale="en-GB", reduced_motion="reduce").new_page()
            if mailbox:
                self._sign_in(page, mailbox)
            self._open[mailbox] = page
        return self._open[mailbox]

    def _sign_in(self, page: Page, mailbox: str) -> None:
        page.goto(f"{self._server}/accounts/login/")
        page.locator("#id_login").fill(f"{mailbox}@demo.example")
        page.locator("#id_password").fill(people.password())
        page.locator("#id_password").press("Enter")
        page.wait_for_url(lambda address: "/login/" not in address)
        code = page.locator("#id_code")
        if code.count():
            # A demonstration shows on the page what the authenticator app would.
            code.fill(page.locator(".govuk-inset-text strong").inner_text())
            code.press("Enter")
            page.wait_for_url(lambda address: "/accounts/" not in address)


def _small(png: bytes, *, tallest: int) -> bytes:
    """The top of a picture in few colours, until it is small enough to be kept with the code."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, tallest)))
    for colours in (COLOURS, 48, 24, 12):
        out = io.BytesIO()
        picture.quantize(colors=colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST_BYTES:
            break
    return out.getvalue()
