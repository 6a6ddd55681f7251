"""Awards in a real browser: a learner shares, an employer looks and verifies, a provider takes one back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import FilePayload, Page, expect
from pytest_django.live_server_helper import LiveServer

from catalogue.awards import baking
from catalogue.models import Award
from catalogue.services import awards
from funding.services import bookings
from funding.services.awards import award_booking
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.catalogue.awards.support import encoded, make_award, signed_by, stranger_key
from tests.pages.support import TITLE, Scene
from tests.support.world import ENDS, MONDAY, STARTS

pytestmark = pytest.mark.browser


def assessed_award(scene: Scene) -> Award:
    """The learner's award of outcomes, from a booking with a certificate."""
    entry = scene.world.credential
    entry.workload, entry.workload_scheme, entry.eqf_level = 3, "ects", 6
    entry.assessment_type, entry.assessment_supervised, entry.validity_months = (
        "Practical examination",
        True,
        36,
    )
    entry.save()
    with clock.at(MONDAY) as hand:
        booking = scene.world.accepted(scene.learner)
        hand.move(STARTS)
        provider = scene.provider_member
        bookings.declare_entry(actor=provider, booking_id=booking.pk)
        bookings.record_attendance(actor=provider, booking_id=booking.pk, percent=95)
        hand.move(ENDS)
        bookings.record_certificate(actor=provider, booking_id=booking.pk)
        bookings.declare_exit(actor=provider, booking_id=booking.pk, exit_reason="complete")
        bookings.declare_service(actor=provider, booking_id=booking.pk)
        # The validation itself awards it: here every transaction is a real one.
        bookings.validate_service(actor=scene.case_worker, booking_id=booking.pk)
    return Award.objects.get(source=booking.public_id)


def test_pages_of_awards(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    award = assessed_award(scene)
    attendance = make_award(
        scene.world.make_credential(title="First aid at work"), citizen=scene.learner.citizen, assessed=False
    )
    _share, secret = awards.create_share(
        actor=scene.learner.user,
        awards=[award.public_id, attendance.public_id],
        days=30,
        label="Bakery Dupont",
    )
    for name, address in {
        "verify": "/verify/",
        "verify-award": f"/verify/{award.public_id}/",
        "verify-attendance": f"/verify/{attendance.public_id}/",
        "verify-unknown": "/verify/00000000-0000-4000-8000-000000000000/",
        "shared": f"/shared/{secret}/",
        "shared-gone": "/shared/nothing/",
        "terms": "/credentials/terms/",
    }.items():
        page.goto(address)
        check(name)
    enter(scene.learner.user)
    for name, address in {
        "portfolio": "/portfolio/",
        "portfolio-share": "/portfolio/share/",
        "award-learner": f"/awards/{award.public_id}/",
    }.items():
        page.goto(address)
        check(name)
    enter(scene.provider_member)
    for name, address in {
        "awards": "/awards/",
        "award-provider": f"/awards/{award.public_id}/",
        "award-revoke": f"/awards/{award.public_id}/revoke/",
    }.items():
        page.goto(address)
        check(name)
    enter(scene.other_learner.user)
    page.goto("/portfolio/")
    check("portfolio-empty")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_learner_shares_an_award_and_ends_the_link(
    page: Page, server: LiveServer, scene: Scene, enter: Enter, check: Check, size: dict[str, int]
) -> None:
    assessed_award(scene)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    enter(scene.learner.user)
    page.goto("/portfolio/")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("button", name="Share it by a link").click()
    expect(page.get_by_role("checkbox", name=TITLE)).to_be_checked()
    page.get_by_label("How long the link works").select_option(label="7 days")
    page.get_by_label("For whom").fill("Bakery Dupont")
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("Link", exact=True)
    expect(link).to_be_visible()
    check(f"portfolio-new-link-{size['width']}")
    address = link.input_value().replace(settings.SITE_ADDRESS, server.url)

    assert page.context.browser is not None
    employer = page.context.browser.new_context()
    elsewhere = employer.new_page()
    elsewhere.goto(address)
    expect(elsewhere.get_by_role("heading", name="Awards of Camille Durand")).to_be_visible()
    expect(elsewhere.get_by_text("Practical examination")).to_be_visible()
    # A stranger's form on a page that tells no other site its address: it is ours all the same.
    elsewhere.get_by_role("button", name="Français").click()
    expect(elsewhere.get_by_role("heading", name="Certificats de Camille Durand")).to_be_visible()
    elsewhere.get_by_role("button", name="English").click()
    expect(elsewhere.get_by_role("heading", name="Awards of Camille Durand")).to_be_visible()

    page.reload()
    expect(link).to_have_count(0)
    expect(page.get_by_text("3 times", exact=True)).to_be_visible()
    page.get_by_role("button", name="End this link Bakery Dupont").click()
    expect(page.get_by_text("The link shows nothing any more.")).to_be_visible()
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="This link shows nothing")).to_be_visible()
    employer.close()


def test_an_employer_verifies_a_file_and_a_forgery(page: Page, scene: Scene, check: Check) -> None:
    award = assessed_award(scene)
    page.goto("/")
    page.get_by_role("link", name="Verify a credential").click()
    page.get_by_label("Or choose the file").set_input_files(
        {"name": "credential.jwt", "mimeType": "text/plain", "buffer": award.token.encode()}
    )
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("status").get_by_role("heading", name="Valid")).to_be_visible()
    expect(page.get_by_text("Camille Durand")).to_be_visible()
    check("verified")
    page.get_by_label("Paste the credential").fill(award.token[:-8] + "AAAAAAAA")
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("heading", name="Altered")).to_be_visible()
    expect(page.get_by_text("Camille Durand")).to_have_count(0)
    check("verified-altered")
    page.get_by_label("Paste the credential").fill("hello")
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("heading", name="Not a credential")).to_be_visible()
    check("verified-nothing")
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Paste a credential, or choose its file.")
    check("verify-error")


def test_a_provider_takes_an_award_back(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    award = assessed_award(scene)
    enter(scene.provider_member)
    page.goto("/awards/")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("link", name="Revoke this award").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a reason.")
    check("award-revoke-error")
    page.get_by_label("Reason").select_option(label="Obtained by deceit")
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("It was obtained by deceit.")).to_be_visible()
    check("award-revoked")
    page.goto(f"/verify/{award.public_id}/")
    expect(page.get_by_role("heading", name="Revoked")).to_be_visible()
    check("verify-revoked")


def test_a_certificate_downloads_as_pdf(page: Page, scene: Scene, enter: Enter) -> None:
    award = assessed_award(scene)
    enter(scene.learner.user)
    page.goto(f"/awards/{award.public_id}/")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Certificate to print (PDF)").click()
    assert waiting.value.suggested_filename == "conduct-a-project-with-agile-methods.pdf"
    assert waiting.value.path().read_bytes().startswith(b"%PDF-")


def test_pages_of_awards_in_french(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    award = assessed_award(scene)
    assert award_booking(booking_id=scene.world.session.bookings.get().pk) == award
    _share, secret = awards.create_share(actor=scene.learner.user, awards=[award.public_id], days=30)
    enter(scene.learner.user)
    page.goto("/portfolio/")
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Mon portfolio", level=1)).to_be_visible()
    for name, address in {
        "fr-portfolio": "/portfolio/",
        "fr-award": f"/awards/{award.public_id}/",
        "fr-share": "/portfolio/share/",
        "fr-shared": f"/shared/{secret}/",
        "fr-verify": f"/verify/{award.public_id}/",
    }.items():
        page.goto(address)
        check(name)


def test_badges_that_somebody_changed_are_told_apart(page: Page, scene: Scene, check: Check) -> None:
    """Files as a person is sent them: genuine, altered, forged, revoked, expired, and one that could run something."""
    award = assessed_award(scene)
    header, _claims, signature = award.token.split(".")
    genuine, token = baking.bake_png(award), award.token
    award.token = f"{header}.{encoded(award.claims | {'name': 'Doctor'})}.{signature}"
    altered = baking.bake_png(award)
    award.token = signed_by(stranger_key(), {"alg": "RS256", "typ": "JWT"}, award.claims)
    forged = baking.bake_svg(award)
    award.token = token
    with clock.at(clock.now() - timedelta(days=2000)):
        old = make_award(
            scene.world.make_credential(title="First aid at work", validity_months=24),
            citizen=scene.learner.citizen,
        )
    active = baking.bake_svg(award).replace(b"</svg>", b"<script>alert(1)</script></svg>")

    def verify(name: str, content: bytes, finding: str) -> None:
        page.goto("/verify/")
        chosen: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        page.get_by_label("Or choose the file").set_input_files(chosen)
        page.get_by_role("button", name="Verify", exact=True).click()
        expect(page.get_by_role("status").get_by_role("heading", name=finding, exact=True)).to_be_visible()
        check(f"verify-{finding.lower().replace(' ', '-')}")

    verify("badge.png", genuine, "Valid")
    verify("badge.png", altered, "Altered")
    verify("badge.svg", forged, "Forged")
    verify("old.png", baking.bake_png(old), "Expired")
    verify("badge.svg", active, "A picture that could run a program")
    awards.revoke_award(actor=scene.case_worker, award_id=award.pk, reason="fraud")
    verify("badge.png", genuine, "Revoked")
