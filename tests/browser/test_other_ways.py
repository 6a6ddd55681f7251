"""Providers, learners, counsellors, employers and the agency by other ways: no scripts, French, the keyboard alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Delegation, SignIn, User
from accounts.services import counselling
from funding import tasks
from funding.models import Booking, Claim, TopUp, TopUpDraft
from funding.services import bookings, top_ups
from ila.core import clock
from tests.browser.conftest import DESKTOP, PHONE, Check, Enter
from tests.browser.test_keyboard import press, tab_to, write
from tests.pages.agency_things import manager, submitted
from tests.pages.employer_things import register
from tests.pages.learner_things import checked_file
from tests.pages.support import Scene, proposed_booking, signed_in
from tests.pages.test_counselling import counsellor

pytestmark = pytest.mark.browser


def plain_page(browser: Browser, server: LiveServer, *, locale: str = "fr-FR") -> Page:
    """A browser without scripts, on a phone, in French."""
    context = browser.new_context(
        base_url=server.url,
        java_script_enabled=False,
        locale=locale,
        viewport=PHONE,  # type: ignore[arg-type]
    )
    return context.new_page()


def enter_there(
    context: BrowserContext, server: LiveServer, user: User, sign_in: SignIn | None = None
) -> None:
    """That person's session in a browser of its own."""
    value = signed_in(user, sign_in=sign_in).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": server.url, "httpOnly": True}]
    )


def test_a_moved_session_in_french_without_scripts(
    browser: Browser, server: LiveServer, scene: Scene
) -> None:
    booking = proposed_booking(scene)
    page = plain_page(browser, server)
    enter_there(page.context, server, scene.provider_member)
    page.goto(f"/provider/sessions/{booking.session_id}/")
    page.get_by_role("link", name="Changer ses dates").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer les dates d'une session")
    assert page.locator("html").get_attribute("lang") == "fr"
    expect(page.get_by_text("1 apprenant est informé par e-mail.")).to_be_visible()
    page.get_by_role("button", name="Changer les dates et prévenir les apprenants").click()
    expect(page.get_by_role("heading", name=re.compile("problème"))).to_be_visible()
    day = page.locator("#id_starts_on").input_value()
    later = f"{int(day[:4]) + 1}{day[4:]}"
    page.locator("#id_starts_on").fill(later)
    page.locator("#id_ends_on").fill(later)
    page.get_by_label("Pourquoi elle a lieu à un autre moment").fill("La formatrice est malade.")
    page.get_by_role("button", name="Changer les dates et prévenir les apprenants").click()
    expect(page.get_by_text("La session a maintenant d'autres dates.")).to_be_visible()
    page.context.close()
    booking.session.refresh_from_db()
    assert booking.session.starts_at is not None
    assert str(booking.session.starts_at.year) == later[:4]


def test_a_counsellor_in_french_without_scripts(browser: Browser, server: LiveServer, scene: Scene) -> None:
    ada = counsellor()
    counselling.invite(actor=scene.learner.user, email=ada.email, parts=["balances"], months=3)
    page = plain_page(browser, server)
    enter_there(page.context, server, ada)
    page.goto("/counselling/")
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    page.goto(f"/counselling/{Delegation.objects.get().public_id}/suggest/?entry={scene.world.credential.pk}")
    page.locator("textarea").fill("Vous vouliez diriger un projet.")
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    page.context.close()
    assert Delegation.objects.get().suggestions.count() == 1


def test_an_employer_orders_by_keyboard(page: Page, scene: Scene, enter: Enter) -> None:
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    employer = register(scene)
    reference = top_ups.give_reference(actor=scene.learner.user, account_id=scene.learner.account.pk)
    enter(scene.employer)
    page.goto(f"/employer/{employer.organisation.public_id}/")
    press(page, "Top up a few employees")
    expect(page.get_by_role("heading", level=1)).to_have_text("Top up a few employees")
    write(page, "Reference of employee 1.*", reference.shown)
    write(page, "Amount for employee 1.*", "300.00")
    press(page, "Continue")
    expect(page.get_by_role("heading", name="What it would order")).to_be_visible()
    tab_to(page, "Order it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Being ordered")
    assert TopUpDraft.objects.get().stage == "ordering"


def test_an_employer_orders_in_french_without_scripts(
    browser: Browser, server: LiveServer, scene: Scene
) -> None:
    employer = register(scene)
    reference = top_ups.give_reference(actor=scene.learner.user, account_id=scene.learner.account.pk)
    page = plain_page(browser, server)
    enter_there(page.context, server, scene.employer)
    page.goto(f"/employer/{employer.organisation.public_id}/")
    page.get_by_role("link", name="Abonder quelques salariés").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Abonder quelques salariés")
    page.get_by_label("Référence du salarié 1").fill(reference.shown)
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("heading", name=re.compile("problème"))).to_be_visible()
    expect(page.get_by_label("Référence du salarié 1")).to_have_value(reference.shown)
    page.get_by_label("Montant pour le salarié 1").fill("300.00")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("heading", name="Ce qui serait commandé")).to_be_visible()
    page.get_by_role("button", name="Commander").click()
    expect(page.get_by_role("status")).to_contain_text("Commande en cours")
    tasks.order_top_up_list(draft_id=TopUpDraft.objects.get().pk)
    # Nothing looks again by itself here: a link does.
    page.get_by_role("link", name="Voir où il en est").click()
    page.get_by_role("link", name="Voir la commande et comment la payer").click()
    expect(page.get_by_role("heading", name="Payer par virement")).to_be_visible()
    page.context.close()
    assert TopUp.objects.get().total_cents == 30_000


def test_a_provider_proposes_by_keyboard(page: Page, scene: Scene, enter: Enter) -> None:
    starts = clock.now() + timedelta(days=60)
    session = scene.world.make_session(
        starts_at=starts, ends_at=starts + timedelta(days=4), offer=scene.world.session.offer
    )
    chosen, left = (
        bookings.request_booking(actor=one.user, account_id=one.account.pk, session_id=session.pk)
        for one in (scene.learner, scene.other_learner)
    )
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    enter(scene.provider_member)
    page.goto("/provider/work/")
    press(page, "2 requests to answer", tag="A")
    expect(page.get_by_role("heading", level=1)).to_have_text("Propose places")
    tab_to(page, "Noé Petit.*", tag="INPUT")
    page.keyboard.press("Space")
    write(page, "Price for each of them.*", "1500.00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("For 1 learner:")).to_be_visible()
    press(page, "Propose the places", tag="BUTTON")
    expect(page.get_by_text("Done for 1 learner.")).to_be_visible()
    chosen.refresh_from_db()
    left.refresh_from_db()
    assert (chosen.state, chosen.price_cents, left.state) == ("proposed", 150_000, "requested")


def test_a_counsellor_looks_and_suggests_by_keyboard(page: Page, scene: Scene, enter: Enter) -> None:
    ada = counsellor()
    counselling.invite(actor=scene.learner.user, email=ada.email, parts=["balances"], months=3)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    enter(ada)
    page.goto("/counselling/")
    press(page, "Yes, I advise them.*", tag="BUTTON")
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    press(page, "What is in my accounts, by source and last day", tag="A")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "What is in my accounts, by source and last day"
    )
    delegation = Delegation.objects.get()
    page.goto(f"/counselling/{delegation.public_id}/suggest/?entry={scene.world.credential.pk}")
    write(page, "Why it fits.*", "You said you would like to lead a project.")
    press(page, "Suggest it", tag="BUTTON")
    expect(page.get_by_role("heading", level=1)).to_have_text("Camille Durand")
    assert delegation.suggestions.count() == 1


def test_the_agency_by_keyboard_and_its_menu_on_one_line(
    page: Page, scene: Scene, enter: Enter, check: Check
) -> None:
    submitted(scene)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    enter(scene.payment_officer)
    page.goto("/agency/claims/")
    tab_to(page, "Approve those ticked")
    page.goto(f"/agency/claims/{Claim.objects.get().pk}/")
    press(page, "Approve")
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve claims")
    press(page, "Approve these claims")
    expect(page.get_by_text("1 claim is approved.")).to_be_visible()
    assert Claim.objects.get().state == "approved"
    enter(manager(scene))
    for language in ("en", "fr"):
        page.context.add_cookies(
            [{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": page.url}]
        )
        page.goto("/agency/")
        tops = page.locator("#navigation > li").evaluate_all("all => all.map(e => Math.round(e.offsetTop))")
        assert len(tops) >= 7
        assert max(tops) - min(tops) < 20, (language, tops)
    # Where it would not keep to one line, it opens at a click, as on a phone.
    page.set_viewport_size({"width": 800, "height": 700})
    opener = page.get_by_role("button", name="Menu")
    expect(page.locator("#navigation")).to_be_hidden()
    tab_to(page, "Menu", tag="BUTTON")
    page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#navigation")).to_be_visible()
    too_wide = page.locator("html").evaluate("page => page.scrollWidth - page.clientWidth")
    assert too_wide <= 0
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    expect(opener).to_be_hidden()
    expect(page.locator("#navigation")).to_be_visible()


def test_new_pages_have_no_barrier(page: Page, scene: Scene, enter: Enter, check: Check) -> None:
    booking = proposed_booking(scene)
    run = checked_file(scene)
    enter(scene.provider_member)
    page.goto(f"/provider/sessions/{booking.session_id}/dates/")
    check("provider-session-dates")
    enter(scene.case_worker)
    page.goto("/agency/citizens/")
    check("citizens")
    page.goto(f"/agency/citizens/{run.public_id}/")
    check("citizens-file")
    enter(scene.learner.user, sign_in=scene.learner.sign_in)
    page.goto("/account/documents/")
    check("documents")
    assert Booking.objects.get(pk=booking.pk).state == "proposed"
