"""What this app knows of people."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.personal_data import OFFICE
from accounts.personal_registry import Person, about, deleting, left_out, with_files
from catalogue.awards.printing import print_award
from catalogue.models import Award

AWARDED = "Whoever was shown it can still verify it; its provider has to show what it issued."
MINE = "citizen__user"

about(
    "catalogue.SavedSearch",
    "saved-searches",
    "owner",
    erase=deleting("catalogue.SavedSearch", "owner"),
)
about(
    "catalogue.SharedAward",
    "awards-shown-by-links",
    "share__citizen__user",
    erase=deleting("catalogue.SharedAward", "share__citizen__user"),
)
about(
    "catalogue.PortfolioShare",
    "links-of-the-portfolio",
    MINE,
    erase=deleting("catalogue.PortfolioShare", MINE),
)
about(
    "catalogue.AwardLog",
    "steps-of-awards",
    "subject__citizen__user",
    hidden=["transaction_id"],
    stays=AWARDED,
)
about(
    "catalogue.Award",
    "awards",
    MINE,
    also={"training": "micro_credential__title", "provider": "provider__name"},
    shown=["token", "status_index"],
    stays=AWARDED,
)
about(
    "catalogue.SurveyAnswer",
    "answers-to-surveys",
    "invitation__citizen__user",
    stays="Counted in published figures, where nobody can be told apart; it names nobody.",
)
about(
    "catalogue.SurveyInvitation",
    "surveys",
    MINE,
    also={"training": "micro_credential__title"},
    hidden=["public_id"],
    stays="It says that an answer counts once; it names nobody.",
)

left_out(
    OFFICE,
    "catalogue.AccountChange",
    "catalogue.AccountChangeLog",
    "catalogue.AccreditationLog",
    "catalogue.Application",
    "catalogue.ApplicationPerson",
    "catalogue.Audit",
    "catalogue.CatalogueFile",
    "catalogue.ChecklistMark",
    "catalogue.ConnectedAccount",
    "catalogue.Document",
    "catalogue.EntryVersion",
    "catalogue.Establishment",
    "catalogue.FilePiece",
    "catalogue.ImportRun",
    "catalogue.ListingClaimLog",
    "catalogue.MicroCredentialLog",
    "catalogue.Partner",
    "catalogue.PriceChange",
    "catalogue.ProviderDetail",
    "catalogue.Question",
    "catalogue.SessionChange",
    "catalogue.SessionLog",
    "catalogue.SessionTeaching",
    "catalogue.StackMember",
    "catalogue.StackRule",
    "catalogue.Trainer",
)


@with_files
def certificates(person: Person) -> Iterator[tuple[str, bytes]]:
    """Each award as its printed certificate."""
    found = Award.objects.filter(citizen__user=person.user).select_related(
        "provider", "micro_credential", "citizen"
    )
    for award in found.order_by("pk").iterator(chunk_size=50):
        yield f"awards/award-{award.public_id}.pdf", print_award(award)
