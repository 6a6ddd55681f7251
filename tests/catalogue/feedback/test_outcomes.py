"""Employment outcomes: whole or not at all, with what is not reported left out and small numbers not shown."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalogue.importing.problems import RefusedWholeError
from catalogue.models import EmploymentOutcome, MicroCredential
from catalogue.selectors import feedback
from catalogue.services.outcomes import import_outcomes
from tests.catalogue.edof_files import Folder
from tests.catalogue.etpl_files import table
from tests.factories.catalogue import MicroCredentialFactory, ProviderFactory

pytestmark = pytest.mark.django_db
DAY = date(2021, 6, 30)
ROW: dict[str, Any] = {"providerid": "27", "cipcode": "10301"}
for _quarters in (2, 4, 8):
    ROW |= {
        f"PerEmployed{_quarters}": "0.714285714285714",
        f"AvgQuarterlyWage{_quarters}": "7197.5",
        f"NumCompleted{_quarters}": "7",
        f"NumUsedWageCalc{_quarters}": "5",
    }
for _quarters in (4, 8):
    ROW |= {f"PerRetention{_quarters}": "-99999", f"NumUsedRetentionCalc{_quarters}": "2"}


@pytest.fixture
def entry() -> MicroCredential:
    provider = ProviderFactory.create(american=True, external_id="27")
    return MicroCredentialFactory.create(provider=provider, code="010301", currency="USD")


def put(folder: Folder, *rows: dict[str, Any]) -> Path:
    return folder.put(table([{**ROW, **row} for row in rows], ROW))


def test_figures_are_kept_as_they_were_told(entry: MicroCredential, folder: Folder) -> None:
    counts = import_outcomes(path=put(folder, {}, {"providerid": "nobody"}), as_of=DAY)
    assert counts == {"stored": 3, "unknown_provider": 1}
    one = EmploymentOutcome.objects.get(quarters=4)
    assert (one.code, str(one.employed), one.wage_cents, one.retained) == ("010301", "0.7143", 719_750, None)
    [first, *_] = feedback.outcomes_of(entry)
    assert first == {
        "months": 6,
        "as_of": DAY,
        "currency": "USD",
        "employed": {"value": 71, "n": 7},
        "wage": {"value": 719_750, "n": 5},
    }


def test_figures_of_under_five_people_are_not_shown(entry: MicroCredential, folder: Folder) -> None:
    small = {f"NumCompleted{quarters}": "4" for quarters in (2, 4, 8)}
    small |= {f"NumUsedWageCalc{quarters}": "4" for quarters in (2, 4, 8)}
    import_outcomes(path=put(folder, small), as_of=DAY)
    assert feedback.outcomes_of(entry) == []
    import_outcomes(path=put(folder, {}), as_of=DAY)
    assert len(feedback.outcomes_of(entry)) == 3, "a later file takes the place of the one before it"
    assert feedback.outcomes_of(MicroCredentialFactory.create(code="")) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"PerEmployed2": "1.2"}, "PerEmployed2"),
        ({"PerEmployed2": "-1"}, "PerEmployed2"),
        ({"NumCompleted4": "2.5"}, "NumCompleted4"),
        ({"AvgQuarterlyWage8": "much"}, "AvgQuarterlyWage8"),
        ({"cipcode": "x"}, "cipcode"),
    ],
)
def test_one_bad_value_refuses_the_file(
    entry: MicroCredential, folder: Folder, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(RefusedWholeError) as refusal:
        import_outcomes(path=put(folder, {"cipcode": "111111"}, changes), as_of=DAY)
    assert (refusal.value.problem.code, refusal.value.problem.field, refusal.value.problem.line) == (
        "bad_value",
        field,
        3,
    )
    assert not EmploymentOutcome.objects.exists()


def test_a_field_told_twice(entry: MicroCredential, folder: Folder) -> None:
    with pytest.raises(RefusedWholeError, match="twice"):
        import_outcomes(path=put(folder, {}, {}), as_of=DAY)


def test_the_command(entry: MicroCredential, folder: Folder) -> None:
    out = StringIO()
    call_command("outcomes_import", str(put(folder, {})), as_of=DAY, json=True, stdout=out)
    assert json.loads(out.getvalue()) == {"stored": 3, "unknown_provider": 0}
    err = StringIO()
    with pytest.raises(SystemExit):
        call_command("outcomes_import", "/nowhere.csv", as_of=DAY, stderr=err)
    assert "not_found" in err.getvalue()
