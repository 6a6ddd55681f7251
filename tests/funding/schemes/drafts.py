"""Managers of an agency at work on rules: drafts made, proposed and approved in a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from accounts.models import User
from funding.models import Scheme, SchemeDraft, SchemeVersion, version_on
from funding.schemes.drafting import HEAD, content_of, sparse
from funding.schemes.presets import load_preset
from funding.services import scheme_drafts
from ila.core import clock
from tests.factories.accounts import MembershipFactory, OrganisationFactory
from tests.factories.funding import SchemeFactory


def head_of(scheme: Any) -> dict[str, str]:
    """The head of a scheme or a preset."""
    return {name: getattr(scheme, name) for name in HEAD}


@dataclass
class Office:
    """Two managers, and everybody else who works there. Call inside a virtual clock."""

    scheme: Scheme = field(default_factory=SchemeFactory.create)

    def __post_init__(self) -> None:
        self.agency = OrganisationFactory.create()
        self.author = self.member("manager")
        self.approver = self.member("manager")

    def member(self, role: str) -> User:
        """Somebody of the agency."""
        user: User = MembershipFactory.create(organisation=self.agency, role=role).user
        return user

    def content(self, days: int = 30, **changed: Any) -> dict[str, Any]:
        """Today's rules with some parameters changed, from so many days on."""
        today = clock.now().date()
        rules = sparse(version_on(self.scheme, today).parsed) | changed
        return content_of(head_of(self.scheme), today + timedelta(days=days), rules)

    def draft(self, days: int = 30, *, replaces: SchemeVersion | None = None, **changed: Any) -> SchemeDraft:
        """A draft of the author's."""
        return scheme_drafts.create_draft(
            actor=self.author,
            content=self.content(days, **changed),
            scheme=self.scheme,
            replaces=replaces,
        )

    def proposed(self, days: int = 30, **changed: Any) -> SchemeDraft:
        """A proposal of the author's."""
        draft = self.draft(days, **changed)
        return scheme_drafts.propose_draft(actor=self.author, draft_id=draft.public_id)

    def approve(self, draft: SchemeDraft, actor: User | None = None) -> SchemeDraft:
        """Approved as it stands now."""
        draft = SchemeDraft.objects.select_related("scheme").get(pk=draft.pk)
        return scheme_drafts.approve_draft(
            actor=actor or self.approver,
            draft_id=draft.public_id,
            content_hash=draft.content_hash,
            timeline_hash=scheme_drafts.timeline_of(draft.scheme),
        )

    def in_force(self, days: int = 30, **changed: Any) -> SchemeVersion:
        """Rules put into force by both."""
        version = self.approve(self.proposed(days, **changed)).version
        assert version is not None
        return version

    def spans(self) -> list[tuple[date, date | None]]:
        """The days of every version that stands."""
        return list(self.scheme.versions.order_by("valid_from").values_list("valid_from", "valid_until"))


def new_scheme(
    code: str = "region", preset: str = "geneva", days: int = 30, **changed: Any
) -> dict[str, Any]:
    """The content of a scheme that does not exist yet."""
    shipped = load_preset(preset)
    rules = sparse(shipped.versions[-1][1]) | changed
    head = head_of(shipped) | {"code": code, "name": "The region's account"}
    return content_of(head, clock.now().date() + timedelta(days=days), rules)
