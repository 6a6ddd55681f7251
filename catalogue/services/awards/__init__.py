"""Every write on awards: the keys that sign them, issuing, revoking, sharing; and what a verifier is told."""

from catalogue.awards.document import Completion
from catalogue.services.awards.issuing import issue_award
from catalogue.services.awards.keys import (
    distrust_key,
    resign_awards,
    rotate_key,
    signing_key,
    signs,
)
from catalogue.services.awards.revoking import revoke_award
from catalogue.services.awards.shares import create_share, open_share, revoke_share
from catalogue.services.awards.verifying import (
    Verdict,
    sign_status_list,
    verify_award,
    verify_file,
    verify_text,
)

__all__ = [
    "Completion",
    "Verdict",
    "create_share",
    "distrust_key",
    "issue_award",
    "open_share",
    "resign_awards",
    "revoke_award",
    "revoke_share",
    "rotate_key",
    "sign_status_list",
    "signing_key",
    "signs",
    "verify_award",
    "verify_file",
    "verify_text",
]
