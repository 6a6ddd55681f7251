"""Pages of awards: portfolio, links, downloads, verification open to everybody, and the provider's list."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Message
from accounts.services import service_users
from catalogue import words
from catalogue.awards import baking, limits, tokens
from catalogue.models import Award, PortfolioShare
from catalogue.services import awards
from funding.models import Booking
from funding.services.awards import award_booking
from ila.core import clock
from tests.catalogue.awards.support import encoded, make_award, parts_of
from tests.pages.award_things import AwardThings, make_award_things
from tests.pages.support import Scene, signed_in, validated_booking
from tests.support.queries import assert_queries_constant

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(scene: Scene) -> Booking:
    return validated_booking(scene)


@pytest.fixture
def things(scene: Scene, booking: Booking) -> AwardThings:
    return make_award_things(scene, booking)


def text_of(answer: Any) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def another_award(scene: Scene, **facts: Any) -> Award:
    """An award of the scene's learner beside that of the booking."""
    return make_award(scene.world.credential, citizen=scene.learner.citizen, **facts)


# -- the portfolio ---------------------------------------------------------------------------------------------------


def test_a_portfolio_shows_the_learners_own_awards(scene: Scene, things: AwardThings) -> None:
    page = signed_in(scene.learner.user).get("/portfolio/")
    assert [one["award"] for one in page.context["cards"]] == [things.award]
    assert "Conduct a project" in text_of(page)
    assert "Bakery" in text_of(page)
    other = signed_in(scene.other_learner.user).get("/portfolio/")
    assert "Nothing awarded yet" in text_of(other)
    assert "Bakery" not in text_of(other)


def test_the_issuers_country_is_told_by_its_name(scene: Scene, things: AwardThings) -> None:
    learner = signed_in(scene.learner.user)
    address = f"/awards/{things.award.public_id}/"
    assert "Country of the issuer France" in text_of(learner.get(address))
    learner.cookies[settings.LANGUAGE_COOKIE_NAME] = "nl"
    assert "Frankrijk" in text_of(learner.get(address))


def test_a_portfolio_asks_the_same_number_of_questions_however_full_it_is(scene: Scene) -> None:
    client = signed_in(scene.learner.user)

    def grow(number: int) -> None:
        for _ in range(number):
            award = another_award(scene)
            awards.create_share(actor=scene.learner.user, awards=[award.public_id], days=7)

    assert_queries_constant(grow, lambda: client.get("/portfolio/"))


def test_the_providers_list_asks_the_same_number_of_questions(scene: Scene) -> None:
    client = signed_in(scene.provider_member)
    assert_queries_constant(
        lambda number: [another_award(scene) for _ in range(number)], lambda: client.get("/awards/")
    )


def test_another_learners_award_is_nowhere(scene: Scene, things: AwardThings) -> None:
    client = signed_in(scene.other_learner.user)
    for path in (
        "",
        "credential.jwt",
        "credential.json",
        "badge.png",
        "badge.svg",
        "certificate.pdf",
        "revoke/",
    ):
        answer = client.get(f"/awards/{things.award.public_id}/{path}")
        missing = client.get(f"/awards/{uuid.uuid4()}/{path}")
        assert (answer.status_code, missing.status_code) == (404, 404), path
        assert b"Camille" not in answer.content


def test_downloads_are_what_they_say(scene: Scene, things: AwardThings) -> None:
    client, base = signed_in(scene.learner.user), f"/awards/{things.award.public_id}"
    token = client.get(f"{base}/credential.jwt")
    assert token.content.decode() == things.award.token
    assert token.headers["Content-Type"] == "application/vc+jwt"
    assert token.headers["Content-Disposition"] == (
        'attachment; filename="conduct-a-project-with-agile-methods.jwt"'
    )
    document = client.get(f"{base}/credential.json")
    assert json.loads(document.content) == things.award.claims
    paper = client.get(f"{base}/certificate.pdf")
    assert paper.content.startswith(b"%PDF-")
    badge = client.get(f"{base}/badge.png")
    assert (badge.headers["Content-Type"], badge.content[:4]) == ("image/png", b"\x89PNG")
    drawing = client.get(f"{base}/badge.svg")
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert drawing.headers["Content-Disposition"].startswith("attachment;")
    for answer in (token, document, paper, badge, drawing):
        assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("part", ["learner", "provider", "case_worker"])
def test_the_booking_leads_to_its_award_and_back(scene: Scene, booking: Booking, part: str) -> None:
    client, address = signed_in(scene.people[part]), f"/bookings/{booking.public_id}/"
    assert "What was awarded" not in text_of(client.get(address))
    award = award_booking(booking_id=booking.pk)
    assert award is not None
    page = client.get(address)
    assert f'href="/awards/{award.public_id}/"' in page.content.decode()
    assert "Certificate of attendance" in text_of(page)
    assert f'href="{address}"' in client.get(f"/awards/{award.public_id}/").content.decode()
    awards.revoke_award(actor=service_users.get("clock"), award_id=award.pk, reason="error")
    assert "Revoked" in text_of(client.get(address))


# -- links -----------------------------------------------------------------------------------------------------------


def test_a_new_link_is_shown_once(scene: Scene, booking: Booking) -> None:
    award = award_booking(booking_id=booking.pk)
    assert award is not None
    client = signed_in(scene.learner.user)
    done = client.post(
        "/portfolio/share/", {"awards": [str(award.public_id)], "days": "30", "label": "Bakery"}
    )
    assert (done.status_code, done.headers["Location"]) == (302, "/portfolio/#new-link")
    page = client.get("/portfolio/").content.decode()
    found = re.search(rf'value="({re.escape(settings.SITE_ADDRESS)}/shared/[\w-]+/)"', page)
    assert found is not None
    assert "/shared/" not in client.get("/portfolio/").content.decode()
    shown = Client().get(found[1].removeprefix(settings.SITE_ADDRESS))
    assert shown.status_code == 200
    assert "Awards of Camille Durand" in text_of(shown)


@pytest.mark.parametrize(
    "changes", [{"awards": []}, {"awards": ["x"]}, {"days": "8"}, {"days": ""}, {"label": "x" * 101}]
)
def test_a_form_that_makes_no_sense_makes_no_link(
    scene: Scene, things: AwardThings, changes: dict[str, Any]
) -> None:
    values = {"awards": [str(things.award.public_id)], "days": "30"} | changes
    answer = signed_in(scene.learner.user).post("/portfolio/share/", values)
    assert answer.status_code == 422
    assert PortfolioShare.objects.count() == 1


def test_anothers_award_cannot_be_put_into_a_link(scene: Scene, things: AwardThings) -> None:
    client = signed_in(scene.other_learner.user)
    answer = client.post("/portfolio/share/", {"awards": [str(things.award.public_id)], "days": "30"})
    assert answer.status_code == 422
    assert PortfolioShare.objects.count() == 1


def test_what_a_link_shows_names_no_other_address_of_the_award(things: AwardThings) -> None:
    """Once the link ends, nothing that was read on its page leads to the award any more."""
    page = Client().get(f"/shared/{things.secret}/")
    assert str(things.award.public_id) not in page.content.decode()
    assert things.award.token not in page.content.decode()
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert "no-store" in page.headers["Cache-Control"]
    things.share.refresh_from_db()
    assert things.share.views == 1


def test_a_link_ends_with_its_time_or_when_its_learner_says_so(scene: Scene, things: AwardThings) -> None:
    address = f"/shared/{things.secret}/"
    with clock.at(clock.now() + timedelta(days=8)):
        gone = Client().get(address)
    assert gone.status_code == 404
    assert "This link shows nothing" in text_of(gone)
    ended = f"/portfolio/share/{things.share.public_id}/end/"
    assert signed_in(scene.other_learner.user).post(ended).status_code == 404
    assert signed_in(scene.learner.user).post(ended).status_code == 302
    assert Client().get(address).status_code == 404


def test_a_shared_award_that_was_revoked_says_so(things: AwardThings) -> None:
    awards.revoke_award(actor=service_users.get("clock"), award_id=things.award.pk, reason="fraud")
    page = text_of(Client().get(f"/shared/{things.secret}/"))
    assert "Revoked" in page
    assert "It was obtained by deceit." in page


def test_a_shared_page_asks_the_same_number_of_questions(scene: Scene) -> None:
    made: list[uuid.UUID] = []

    def grow(number: int) -> None:
        made.extend(another_award(scene).public_id for _ in range(number))

    def look() -> None:
        _share, secret = awards.create_share(actor=scene.learner.user, awards=made, days=7)
        assert Client().get(f"/shared/{secret}/").status_code == 200

    assert_queries_constant(grow, look)


def test_guessing_links_is_slowed_down(things: AwardThings) -> None:
    most = limits.LIMITS["unknown_share"][0]
    for number in range(most):
        assert Client().get(f"/shared/{number:043d}/").status_code == 404
    assert Client().get(f"/shared/{'y' * 43}/").status_code == 429
    assert Client().get(f"/shared/{things.secret}/").status_code == 429
    assert Client(REMOTE_ADDR="198.51.100.7").get(f"/shared/{things.secret}/").status_code == 200
    cache.clear()
    assert Client().get(f"/shared/{things.secret}/").status_code == 200


# -- verification ----------------------------------------------------------------------------------------------------


def verify(text: str) -> Any:
    return Client().post("/verify/", {"credential": text})


def test_everybody_verifies_without_an_account(things: AwardThings) -> None:
    assert Client().get("/verify/").status_code == 200
    page = verify(things.award.token)
    assert page.status_code == 200
    assert page.context["finding"]["code"] == "valid"
    words_of_page = text_of(page)
    assert "This credential is genuine, unaltered and in force today." in words_of_page
    assert "Camille Durand" in words_of_page
    assert "Learning outcomes were not assessed" in words_of_page
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_a_file_is_verified_too(things: AwardThings) -> None:
    for content, code in (
        (things.award.token.encode(), "valid"),
        (b"\xff\xfe\x00", "not_a_credential"),
        (b"%PDF-1.7 " + b"x" * 300_000, "paper"),
        (baking.bake_png(things.award), "valid"),
        (baking.bake_svg(things.award), "valid"),
        (json.dumps(things.award.claims).encode(), "unsigned"),
        (bytes(baking.MAX_FILE + 1), "too_large"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "active_picture"),
    ):
        upload = SimpleUploadedFile("credential.jwt", content)
        page = Client().post("/verify/", {"credential": "", "file": upload})
        assert page.context["finding"]["code"] == code
        assert str(words.VERDICTS[code][1]) in text_of(page)
        assert b"<script>alert" not in page.content


def test_every_finding_is_told_in_plain_words(things: AwardThings) -> None:
    header, _claims, signature = things.award.token.split(".")
    altered = f"{header}.{encoded(things.award.claims | {'name': '<script>alert(1)</script>'})}.{signature}"
    forged = f"{encoded({'alg': 'none'})}.{encoded(things.award.claims)}."
    foreign = f"{encoded({'alg': 'RS256'})}.{encoded(things.award.claims | {'iss': 'https://x.example'})}.x"
    for text, code in (
        (altered, "altered"),
        (forged, "forged"),
        (foreign, "unknown_issuer"),
        (json.dumps(things.award.claims), "unsigned"),
        ("hello", "not_a_credential"),
        ("a." + "b" * tokens.MAX_BYTES + ".c", "too_large"),
        ("x" * (tokens.MAX_BYTES * 2 + 1), "too_large"),
    ):
        page = verify(text)
        assert page.context["finding"]["code"] == code
        shown = text_of(page)
        assert str(words.VERDICTS[code][0]) in shown
        assert "Camille" not in shown, f"{code}: nothing that was not proved is shown"
        assert b"<script>alert" not in page.content


def test_nothing_given_is_asked_for_again() -> None:
    page = Client().post("/verify/", {"credential": " "})
    assert page.status_code == 422
    assert "Paste a credential, or choose its file." in text_of(page)
    assert page.context["finding"] is None
    empty = Client().post("/verify/", {"file": SimpleUploadedFile("a.jwt", b"")})
    assert empty.status_code == 422
    assert "The file is empty" in text_of(empty)


def test_the_printed_address_shows_the_award_as_it_stands(things: AwardThings) -> None:
    path = f"/verify/{things.award.public_id}/"
    page = Client().get(path)
    assert page.context["finding"]["code"] == "valid"
    assert "Camille Durand" in text_of(page)
    awards.revoke_award(actor=service_users.get("clock"), award_id=things.award.pk, reason="error")
    page = Client().get(path)
    assert page.context["finding"]["code"] == "revoked"
    assert "It was issued in error." in text_of(page)
    unknown = Client().get(f"/verify/{uuid.uuid4()}/")
    assert unknown.status_code == 404
    assert "the certificate is not genuine" in text_of(unknown)


def test_a_row_that_somebody_changed_by_hand_is_not_shown(things: AwardThings) -> None:
    header, _claims, signature = things.award.token.split(".")
    changed = things.award.claims | {"name": "Doctor of everything"}
    Award.objects.filter(pk=things.award.pk).update(
        token=f"{header}.{encoded(changed)}.{signature}", claims=changed
    )
    page = Client().get(f"/verify/{things.award.public_id}/")
    assert page.context["finding"]["code"] == "altered"
    assert "Doctor" not in text_of(page)


def test_verifying_is_limited(things: AwardThings) -> None:
    for _ in range(limits.LIMITS["verify"][0]):
        assert verify("x").status_code == 200
    assert verify("x").status_code == 429
    assert Client().get(f"/verify/{things.award.public_id}/").status_code == 429


# -- what verifiers' programs read -----------------------------------------------------------------------------------


def test_keys_and_lists_are_published_for_every_program(things: AwardThings) -> None:
    claims, kid = things.award.claims, parts_of(things.award.token)[0]["kid"]
    site = settings.SITE_ADDRESS
    keys = Client().get("/.well-known/jwks.json")
    assert [key["kid"] for key in keys.json()["keys"]] == [kid]
    assert Client().get(kid.removeprefix(site)).json() == keys.json()["keys"][0]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(keys.json()["keys"][0])
    profile = Client().get(claims["iss"].removeprefix(site)).json()
    assert profile["name"] == "Atelier des compétences"
    bits = Client().get(claims["credentialStatus"]["statusListCredential"].removeprefix(site))
    assert bits.headers["Content-Type"] == "application/vc+jwt"
    for answer in (keys, bits):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "public" in answer.headers["Cache-Control"]
        assert not answer.cookies


def test_what_was_never_published_is_not_there(scene: Scene, things: AwardThings) -> None:
    silent = scene.world.make_provider()
    for path in (
        "/credentials/keys/nothing/",
        f"/credentials/issuers/{silent.pk}/",
        f"/credentials/status/{silent.pk}/1/",
        f"/credentials/status/{things.award.provider_id}/2/",
    ):
        assert Client().get(path).status_code == 404, path


def test_a_distrusted_key_is_published_no_more(things: AwardThings) -> None:
    key = awards.distrust_key(name=things.award.key.name)
    names = [each["kid"] for each in Client().get("/.well-known/jwks.json").json()["keys"]]
    assert len(names) == 1
    assert not any(key.name in name for name in names)
    assert Client().get(f"/credentials/keys/{key.name}/").status_code == 404


def test_a_list_that_cannot_be_signed_is_not_given_unsigned(things: AwardThings, settings: Any) -> None:
    settings.AWARD_KEY_SECRETS = []
    answer = Client().get(f"/credentials/status/{things.award.provider_id}/1/")
    assert (answer.status_code, answer.content) == (503, b"")


# -- taking back -----------------------------------------------------------------------------------------------------


def test_the_provider_takes_an_award_back_and_the_learner_is_told(scene: Scene, things: AwardThings) -> None:
    client, path = signed_in(scene.provider_member), f"/awards/{things.award.public_id}/revoke/"
    assert client.post(path, {"reason": ""}).status_code == 422
    assert client.post(path, {"reason": "superseded"}).status_code == 422
    done = client.post(path, {"reason": "error", "note": "the wrong list"})
    assert done.headers["Location"] == f"/awards/{things.award.public_id}/"
    page = text_of(client.get(done.headers["Location"]))
    assert "It was issued in error." in page
    assert "Revoke this award" not in page
    assert client.post(path, {"reason": "error"}).status_code == 409
    message = Message.objects.get(template="award_revoked")
    assert message.recipient == scene.learner.user
    assert "wrong list" not in str(message.context)


@pytest.mark.parametrize(
    "part", ["learner", "other_learner", "other_provider", "employer", "payment_officer", "auditor"]
)
def test_nobody_else_takes_it_back(scene: Scene, things: AwardThings, part: str) -> None:
    client = signed_in(scene.people[part])
    assert client.post(f"/awards/{things.award.public_id}/revoke/", {"reason": "error"}).status_code == 404
    assert Award.objects.get(pk=things.award.pk).state == "issued"


def test_lists_show_nobody_elses_awards(scene: Scene, things: AwardThings) -> None:
    seen = {
        part: len(signed_in(scene.people[part]).get("/awards/").context["cards"])
        for part in ("provider", "other_provider", "case_worker", "auditor")
    }
    assert seen == {"provider": 1, "other_provider": 0, "case_worker": 1, "auditor": 1}


def test_the_menu_leads_to_the_portfolio_and_the_awards(scene: Scene) -> None:
    learner = text_of(signed_in(scene.learner.user).get("/"))
    assert "My portfolio" in learner
    provider = signed_in(scene.provider_member).get("/").content.decode()
    assert 'href="/awards/"' in provider
    assert 'href="/portfolio/"' not in provider
    assert 'href="/verify/"' in Client().get("/").content.decode()
