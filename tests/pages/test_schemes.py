"""Pages of schemes: plain words for everybody; drafts, previews and approvals for the agency."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from funding.models import Scheme, SchemeDraft, version_on
from funding.scheme_forms import initial
from funding.schemes.files import MAX_BYTES, read_file
from funding.schemes.presets import FOLDER, load_preset, preset_codes, read_preset
from funding.services import scheme_drafts
from ila.core import clock
from tests.factories.accounts import MembershipFactory
from tests.factories.funding import SchemeFactory
from tests.funding.schemes.drafts import Office, new_scheme
from tests.pages.support import Scene, proposed_booking, signed_in, validated_booking
from tests.support.queries import captured_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(scene: Scene) -> Office:
    made = Office(scene.world.scheme)
    made.agency = scene.world.agency
    return made


def text_of(answer: Any) -> str:
    """What a person reads of an answer."""
    inner = answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]
    words = unescape(re.sub(r"<[^>]+>", " ", inner)).replace("\u00a0", " ")
    return re.sub(r" (?=[:.,;])", "", re.sub(r"\s+", " ", words))


def page(name: str, *arguments: object) -> str:
    return reverse(name, args=arguments)


def form_of(draft: SchemeDraft, **changed: Any) -> dict[str, Any]:
    """What the edit form sends when only these fields were changed."""
    return initial(draft) | changed


def act(user: User, draft: SchemeDraft, what: str, **given: str) -> Any:
    return signed_in(user).post(page("scheme_draft_act", draft.public_id, what), given)


def seen(answer: Any) -> dict[str, str]:
    found = re.findall(r'name="(content_hash|timeline_hash)" value="([0-9a-f]+)"', answer.content.decode())
    return dict(found)


class TestForEverybody:
    def test_each_shipped_scheme_has_its_page(self, client: Client) -> None:
        for code in preset_codes():
            SchemeFactory.create(code=code)
            answer = client.get(page("scheme", code))
            assert answer.status_code == 200
            for title in ("What you get", "When it expires", "What you pay", "Until when you can cancel"):
                assert title in text_of(answer)
        listed = client.get(page("schemes"))
        assert all(load_preset(code).name in text_of(listed) for code in preset_codes())

    def test_in_french(self, client: Client) -> None:
        SchemeFactory.create(code="cpf")
        answer = client.get(page("scheme", "cpf"), headers={"accept-language": "fr"})
        text = text_of(answer)
        assert "Ce que vous recevez" in text
        assert "500 €" in text.replace("\u202f", " ")
        assert "What you" not in text

    def test_what_came_before_and_what_comes(self, client: Client, office: Office) -> None:
        office.in_force(30, participation_cents=17_550)
        text = text_of(client.get(page("scheme", "cpf")))
        first = clock.now().date() + timedelta(days=30)
        assert "What will change" in text
        assert "€150 → €175.50" in text
        assert "€103.20 → €150" in text
        later = text_of(client.get(page("scheme", "cpf"), {"on": first.isoformat()}))
        assert "You pay €175.50 of your own" in later
        assert "These rules hold from" in later
        before = text_of(client.get(page("scheme", "cpf"), {"on": "2026-02-01"}))
        assert "You pay €103.20 of your own" in before
        assert "These rules held from 1 January 2026 to 25 February 2026" in before

    @pytest.mark.parametrize("on", ["1900-01-01", "nonsense", "", "2999-12-31"])
    def test_whatever_day_is_asked_for(self, client: Client, on: str) -> None:
        SchemeFactory.create(code="stap")
        assert client.get(page("scheme", "stap"), {"on": on}).status_code == 200

    def test_a_scheme_that_is_not_there(self, client: Client) -> None:
        assert client.get(page("scheme", "nothing")).status_code == 404

    def test_queries_do_not_grow(self, client: Client) -> None:
        for code in ("cpf", "stap"):
            SchemeFactory.create(code=code)
        with captured_queries() as few:
            client.get(page("schemes"))
        for code in ("geneva", "greece", "canada", "flanders"):
            SchemeFactory.create(code=code)
        with captured_queries() as more:
            client.get(page("schemes"))
        assert len(few) == len(more)


class TestFromDraftToForce:
    def test_begun_changed_previewed_proposed_approved_and_said(self, office: Office, scene: Scene) -> None:
        validated_booking(scene)
        proposed_booking(scene)
        author, approver = signed_in(office.author), signed_in(office.approver)
        answer = author.post(page("scheme_draft_new"), {"origin": "scheme:cpf"})
        draft = SchemeDraft.objects.get()
        assert answer.headers["Location"] == page("scheme_draft_edit", draft.public_id)
        assert author.get(answer.headers["Location"]).status_code == 200
        first = clock.now().date() + timedelta(days=40)
        typed = form_of(draft, participation_cents="175,50", valid_from=first.isoformat())
        answer = author.post(page("scheme_draft_edit", draft.public_id), typed)
        assert answer.headers["Location"] == page("scheme_draft", draft.public_id)
        shown = text_of(author.get(page("scheme_draft", draft.public_id)))
        assert "The learner's own participation in each booking. rule F-08 €150 €175.50" in shown
        assert "1 booking under way keeps its rules." in shown
        assert "1 request or proposal comes under the new rules" in shown
        assert "the learner pays €175.50; acquired rights €1,024.50" in shown
        assert act(office.author, draft, "propose").status_code == 302
        answer = approver.get(page("scheme_draft", draft.public_id))
        assert "Put into force from" in text_of(answer)
        given = seen(answer)
        # Nobody else is offered the button, and nobody else may press it.
        for user, expected in ((office.author, 403), (scene.case_worker, 403), (scene.auditor, 403)):
            assert "Put into force from" not in text_of(
                signed_in(user).get(page("scheme_draft", draft.public_id))
            )
            assert act(user, draft, "approve", **given).status_code == expected
        assert act(office.approver, draft, "approve", **given).status_code == 302
        assert version_on(office.scheme, first).parsed.participation_cents == 17_550
        assert "€150 → €175.50" in text_of(Client().get(page("scheme", "cpf")))
        # Sent twice, approved once.
        assert act(office.approver, draft, "approve", **given).status_code == 302

    def test_what_changed_since_the_page_was_opened_is_shown_again(self, office: Office) -> None:
        draft, other = office.proposed(40, participation_cents=1), office.proposed(50)
        given = seen(signed_in(office.approver).get(page("scheme_draft", draft.public_id)))
        office.approve(other)
        answer = act(office.approver, draft, "approve", **given)
        assert answer.status_code == 409
        assert "The scheme's rules changed after you opened this page" in text_of(answer)
        assert act(office.approver, draft, "approve", **seen(answer)).status_code == 302

    def test_changed_content_is_not_approved(self, office: Office) -> None:
        draft = office.proposed(40, participation_cents=1)
        given = seen(signed_in(office.approver).get(page("scheme_draft", draft.public_id)))
        act(office.author, draft, "take_back")
        content = office.content(40, participation_cents=2)
        scheme_drafts.edit_draft(actor=office.author, draft_id=draft.public_id, content=content)
        act(office.author, draft, "propose")
        answer = act(office.approver, draft, "approve", **given)
        assert answer.status_code == 409
        assert "This draft was changed in the meantime" in text_of(answer)
        assert office.scheme.versions.filter(draft__isnull=False).count() == 0

    def test_rejected_with_a_reason_and_taken_up_again(self, office: Office) -> None:
        draft = office.proposed(40)
        answer = act(office.approver, draft, "reject")
        assert answer.status_code == 409
        assert "Write the reason" in text_of(answer)
        act(office.approver, draft, "reject", reason="Too dear.")
        assert "Too dear." in text_of(signed_in(office.author).get(page("scheme_draft", draft.public_id)))
        answer = act(office.author, draft, "revise")
        assert answer.headers["Location"] == page("scheme_draft_edit", draft.public_id)
        assert act(office.author, draft, "discard").status_code == 302
        assert SchemeDraft.objects.get().state == "discarded"

    def test_taken_back_before_they_begin(self, office: Office) -> None:
        version = office.in_force(40)
        author = signed_in(office.author)
        day = version.valid_from.isoformat()
        assert "Take back before it begins" in text_of(author.get(page("agency_scheme", "cpf")))
        answer = author.post(page("scheme_withdraw", "cpf", day), {"reason": " "})
        assert answer.status_code == 409
        author.post(page("scheme_withdraw", "cpf", day), {"reason": "The decree was annulled."})
        draft = SchemeDraft.objects.get(kind="withdrawal")
        answer = signed_in(office.approver).get(page("scheme_draft", draft.public_id))
        assert "the rules before them hold on" in text_of(answer)
        assert act(office.approver, draft, "approve", **seen(answer)).status_code == 302
        assert "Taken back" in text_of(author.get(page("agency_scheme", "cpf")))
        assert not office.scheme.versions.filter(valid_from=version.valid_from).exists()
        assert author.post(page("scheme_withdraw", "cpf", day), {"reason": "x"}).status_code == 404

    def test_replaced_before_they_begin(self, office: Office) -> None:
        version = office.in_force(40, participation_cents=1)
        day = version.valid_from.isoformat()
        signed_in(office.author).post(page("scheme_replace", "cpf", day))
        draft = SchemeDraft.objects.get(replaces=version)
        signed_in(office.author).post(
            page("scheme_draft_edit", draft.public_id), form_of(draft, participation_cents="2")
        )
        act(office.author, draft, "propose")
        answer = signed_in(office.approver).get(page("scheme_draft", draft.public_id))
        assert act(office.approver, draft, "approve", **seen(answer)).status_code == 302
        assert office.scheme.versions.get(valid_from=version.valid_from).parsed.participation_cents == 200

    def test_a_new_scheme_from_a_shipped_one(self, office: Office) -> None:
        author = signed_in(office.author)
        author.post(page("scheme_draft_new"), {"origin": "preset:geneva", "code": "region"})
        draft = SchemeDraft.objects.get()
        assert (draft.scheme, draft.code) == (None, "region")
        typed = form_of(draft, name="Region", currency="ZZZ", country="ZZ", timezone="Mars/Base")
        answer = author.post(page("scheme_draft_edit", draft.public_id), typed)
        assert answer.status_code == 422
        text = text_of(answer)
        assert "There is no currency of this name." in text
        assert text.count("There is no calendar of public holidays, or no time zone, of this name.") == 4
        assert 'value="Mars/Base"' in answer.content.decode()
        typed |= {"currency": "EUR", "country": "FR", "timezone": "Europe/Paris"}
        typed["content_hash"] = SchemeDraft.objects.get().content_hash
        assert author.post(page("scheme_draft_edit", draft.public_id), typed).status_code == 302
        act(office.author, draft, "propose")
        answer = signed_in(office.approver).get(page("scheme_draft", draft.public_id))
        act(office.approver, draft, "approve", **seen(answer))
        assert Scheme.objects.get(code="region").name == "Region"


class TestBadInput:
    def test_a_faulty_form_keeps_what_was_typed_and_names_each_fault(self, office: Office) -> None:
        draft = office.draft(40)
        typed = form_of(
            draft,
            participation_cents="a lot",
            cap_cents="1",
            withdrawal_wd="99999999999999999999",
            draw_order="rights\nrights, nonsense",
            max_age_months="2027",
            valid_from="31/02/2027",
            full_credit_percent="NaN",
            **{"usage_cap_cents.rs": "<b>1.234</b>"},
        )
        client = signed_in(office.author)
        answer = client.post(page("scheme_draft_edit", draft.public_id), typed)
        assert answer.status_code == 422
        html, text = answer.content.decode(), text_of(answer)
        for value in ("a lot", "99999999999999999999", "31/02/2027", "NaN", "&lt;b&gt;1.234&lt;/b&gt;"):
            assert f'value="{value}"' in html
        assert "rights, nonsense</textarea>" in html
        assert "The draft is saved, and cannot be proposed yet" in text
        for named in (
            "participation_cents",
            "withdrawal_wd",
            "valid_from",
            "max_age_months",
            "full_credit_percent",
        ):
            assert f'id="id_{named}_error"' in html
        again = client.get(page("scheme_draft_edit", draft.public_id)).content.decode()
        assert 'value="a lot"' in again
        assert act(office.author, draft, "propose").status_code == 409
        shown = text_of(client.get(page("scheme_draft", draft.public_id)))
        assert "participation_cents: Write an amount, such as 103.20." in shown

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"cap_cents": "100", "yearly_credit_cents": "500"}, "The most is below the credit of one year."),
            ({"participation_cents": "10000000"}, "as high as the highest price"),
            ({"funding": "window"}, "This is needed."),
            ({"bookable_kinds": []}, "Choose at least one of the list."),
            ({"accrual": "weekly"}, "weekly is not one of the available choices"),
        ],
    )
    def test_contradictions(self, office: Office, changed: dict[str, Any], said: str) -> None:
        draft = office.draft(40)
        answer = signed_in(office.author).post(
            page("scheme_draft_edit", draft.public_id), form_of(draft, **changed)
        )
        assert answer.status_code == 422
        assert said in text_of(answer)

    def test_edited_in_two_windows_nothing_is_lost(self, office: Office) -> None:
        draft = office.draft(40)
        client = signed_in(office.author)
        client.post(page("scheme_draft_edit", draft.public_id), form_of(draft, participation_cents="1"))
        answer = client.post(
            page("scheme_draft_edit", draft.public_id), form_of(draft, participation_cents="2")
        )
        assert answer.status_code == 409
        assert 'value="2"' in answer.content.decode()
        assert SchemeDraft.objects.get().content["rules"]["participation_cents"] == 100

    @pytest.mark.parametrize(
        ("data", "named"),
        [
            (b"", "a scheme file begins with code"),
            (b"code = [", "not_toml"),
            ('name = "Région"'.encode("latin-1"), "not_utf8"),
            (b"x" * (10 * 1024 * 1024), "too_large"),
            (b"\x00\x01", "not_toml"),
        ],
        ids=["empty", "no toml", "another encoding", "ten megabytes", "binary"],
    )
    def test_a_file_that_is_none(self, office: Office, data: bytes, named: str) -> None:
        file = SimpleUploadedFile("rules.toml", data)
        answer = signed_in(office.author).post(page("scheme_draft_new"), {"file": file})
        assert answer.status_code == 422
        assert named in text_of(answer)
        assert not SchemeDraft.objects.exists()

    def test_a_faulty_file_becomes_a_draft_that_says_so(self, office: Office) -> None:
        text = (FOLDER / "geneva.toml").read_text(encoding="utf-8") + "foo = 1\nmax_hours = inf\n"
        file = SimpleUploadedFile("rules.toml", text.encode())
        client = signed_in(office.author)
        answer = client.post(page("scheme_draft_new"), {"file": file, "code": "other"}, follow=True)
        text = text_of(answer)
        assert "foo: There is no parameter of this name." in text
        draft = SchemeDraft.objects.get()
        assert (draft.code, draft.content["rules"]["max_hours"]) == ("other", "inf")
        first = (clock.now().date() + timedelta(days=9)).isoformat()
        typed = form_of(draft, max_hours="400", drop_unknown="1", valid_from=first)
        assert client.post(page("scheme_draft_edit", draft.public_id), typed).status_code == 302
        assert act(office.author, draft, "propose").status_code == 302

    def test_nothing_to_begin_with(self, office: Office) -> None:
        answer = signed_in(office.author).post(page("scheme_draft_new"), {})
        assert answer.status_code == 422
        assert "Choose what to begin with" in text_of(answer)

    def test_an_act_that_is_none(self, office: Office) -> None:
        assert act(office.author, office.draft(), "explode").status_code == 404

    def test_names_from_outside_are_shown_as_text(self, office: Office) -> None:
        content = new_scheme() | {"name": "<script>alert(1)</script>"}
        draft = scheme_drafts.create_draft(actor=office.author, content=content)
        client = signed_in(office.author)
        for name, arguments in (
            ("scheme_draft", [draft.public_id]),
            ("scheme_draft_edit", [draft.public_id]),
            ("agency_schemes", []),
        ):
            assert b"<script>alert" not in client.get(page(name, *arguments)).content


class TestFiles:
    @pytest.mark.parametrize("code", preset_codes())
    def test_a_version_downloaded_is_read_back_the_same(self, scene: Scene, code: str) -> None:
        scheme = SchemeFactory.create(code=code)
        client = signed_in(scene.auditor)
        for version in scheme.versions.all():
            answer = client.get(page("scheme_version_file", code, version.valid_from.isoformat()))
            assert "attachment" in answer.headers["Content-Disposition"]
            assert len(answer.content) < MAX_BYTES
            read = read_preset(answer.content.decode())
            assert read.versions == ((version.valid_from, version.parsed),)
            assert not read_file(answer.content).faults

    @pytest.mark.parametrize("day", ["2019-01-01", "x", "2026-13-45"])
    def test_a_version_that_is_not_there(self, scene: Scene, day: str) -> None:
        assert signed_in(scene.auditor).get(page("scheme_version_file", "cpf", day)).status_code == 404


def test_lists_of_the_agency_ask_no_more_for_more(office: Office) -> None:
    client = signed_in(office.author)
    for days in (10, 20):
        office.draft(days)
    client.get(page("agency_schemes"))
    with captured_queries() as few:
        client.get(page("agency_schemes"))
    with captured_queries() as few_of_one:
        client.get(page("agency_scheme", "cpf"))
    for code in ("stap", "geneva", "greece"):
        SchemeFactory.create(code=code)
    for days in (30, 40, 50):
        office.in_force(days)
        office.draft(days)
    with captured_queries() as more:
        client.get(page("agency_schemes"))
    with captured_queries() as more_of_one:
        client.get(page("agency_scheme", "cpf"))
    assert (len(few), len(few_of_one)) == (len(more), len(more_of_one))


@pytest.mark.parametrize("role", ["case_worker", "payment_officer", "auditor", "investigator"])
def test_who_may_look_and_not_touch(office: Office, role: str) -> None:
    draft = office.draft(40)
    user = MembershipFactory.create(organisation=office.agency, role=role).user
    client = signed_in(user)
    for name, arguments in (
        ("agency_schemes", []),
        ("agency_scheme", ["cpf"]),
        ("scheme_draft", [draft.public_id]),
    ):
        assert client.get(page(name, *arguments)).status_code == 200
    assert client.get(page("scheme_draft_new")).status_code == 403
    assert client.get(page("scheme_draft_edit", draft.public_id)).status_code == 403
    assert act(user, draft, "propose").status_code == 403
    assert client.post(page("scheme_draft_new"), {"origin": "scheme:cpf"}).status_code == 403


def test_every_page_of_the_agency_in_french(office: Office) -> None:
    draft = office.proposed(40, participation_cents=1)
    client = signed_in(office.approver)
    with translation.override("fr"):
        for name, arguments in (
            ("agency_schemes", []),
            ("agency_scheme", ["cpf"]),
            ("scheme_draft", [draft.public_id]),
            ("scheme_draft_new", []),
        ):
            text = text_of(client.get(page(name, *arguments), headers={"accept-language": "fr"}))
            for english in (" the ", "Draft", "rules", "Choose", "Written by"):
                assert english not in text, f"{name}: {english}"
