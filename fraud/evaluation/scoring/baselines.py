"""Three simple rankings of providers, made from the same files for the same days."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fraud.evaluation.scoring.runs import Scored
from ila.core.lazy import lazy_module

pd: Any = lazy_module("pandas")
np: Any = lazy_module("numpy")
ensemble: Any = lazy_module("sklearn.ensemble")

NEEDED = ("providers", "credentials", "sessions", "bookings", "booking_events", "attendance", "learners")
_WINDOW_DAYS = 56
_UNUSUAL = 0.95  # a rule fires for the most extreme twentieth of the firms of the week


def rankings(population: Path, days: Sequence[date], seed: int = 0) -> dict[str, dict[date, list[Scored]]]:
    """Volume, isolation forest and unweighted rules: for each day all providers, best first."""
    tables = _read(population)
    made: dict[str, dict[date, list[Scored]]] = {name: {} for name in BASELINES}
    for day in days:
        features = _features(tables, day)
        for name, judge in BASELINES.items():
            scores = judge(features, seed)
            ranked = sorted(zip(features.index, scores, strict=True), key=lambda item: (-item[1], item[0]))
            made[name][day] = [Scored(str(provider), float(score)) for provider, score in ranked]
    return made


def _volume(features: Any, _seed: int) -> list[float]:
    """Cents claimed in eight weeks."""
    return [float(value) for value in features["claimed"]]


def _forest(features: Any, seed: int) -> list[float]:
    forest = ensemble.IsolationForest(n_estimators=200, random_state=seed, n_jobs=1)
    values = features.to_numpy(dtype=float)
    return [-float(value) for value in forest.fit(values).score_samples(values)]


def _rules(features: Any, _seed: int) -> list[float]:
    """How many figures are among the highest of the week; each counts one."""
    values = features.to_numpy(dtype=float)
    limits = np.quantile(values, _UNUSUAL, axis=0)
    return [float(value) for value in ((values > limits) & (values > 0)).sum(axis=1)]


BASELINES: dict[str, Callable[[Any, int], list[float]]] = {
    "volume": _volume,
    "isolation_forest": _forest,
    "unweighted_rules": _rules,
}


def _read(folder: Path) -> dict[str, Any]:
    tables = {}
    for name in NEEDED:
        table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in table.columns:
            if column.endswith("_at"):
                table[column] = pd.to_datetime(table[column].replace("", None), utc=True, format="ISO8601")
            elif column in {"amount_cents", "own_cents", "percent"}:
                table[column] = pd.to_numeric(table[column], errors="coerce")
        if "at" in table.columns:
            table["at"] = pd.to_datetime(table["at"], utc=True, format="ISO8601")
        tables[name] = table.sort_values("recorded_at", kind="stable")
    return tables


def _features(tables: dict[str, Any], day: date) -> Any:
    """Figures per provider of the eight weeks before the end of `day`, from rows recorded by then."""
    end = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)
    begin = end - pd.Timedelta(days=_WINDOW_DAYS)
    known = {name: table[table["recorded_at"] < end] for name, table in tables.items()}
    owner = (
        known["credentials"]
        .drop_duplicates("credential_id", keep="last")
        .set_index("credential_id")["provider_id"]
    )
    sessions = known["sessions"].drop_duplicates("session_id", keep="last")
    provider_of_session = sessions.set_index("session_id")["credential_id"].map(owner)
    bookings = known["bookings"].drop_duplicates("booking_id", keep="last").copy()
    bookings["provider"] = bookings["session_id"].map(provider_of_session)
    provider_of = bookings.set_index("booking_id")["provider"]
    recent = bookings[(bookings["created_at"] >= begin) & (bookings["created_at"] < end)].copy()
    firms = sorted(set(known["providers"]["provider_id"]))
    result = pd.DataFrame(index=firms)
    by_firm = recent.groupby("provider")
    many = by_firm.size()
    result["bookings"] = many
    result["amount"] = by_firm["amount_cents"].mean()
    result["by_others"] = (recent["actor"] != "learner").groupby(recent["provider"]).mean()
    same = (recent["device_hash"] == recent["consent_device_hash"]) & (recent["device_hash"] != "")
    result["same_device"] = same.groupby(recent["provider"]).mean()
    result["busiest_ip"] = recent.groupby(["provider", "ip_hash"]).size().groupby("provider").max() / many
    result["busiest_device"] = (
        recent.groupby(["provider", "device_hash"]).size().groupby("provider").max() / many
    )
    phones = known["learners"].drop_duplicates("learner_id").set_index("learner_id")["phone_hash"]
    recent["phone"] = recent["learner_id"].map(phones)
    result["busiest_phone"] = (
        recent.groupby(["provider", "phone"])["learner_id"].nunique().groupby("provider").max()
    )
    events = known["booking_events"]
    events = events[(events["at"] >= begin) & (events["at"] < end)]
    firm = events["booking_id"].map(provider_of)
    for name in ("denied", "complaint", "cancelled", "certificate", "claim"):
        result[name] = (events["event"] == name).groupby(firm).sum()
    result["claimed"] = events["amount_cents"].where(events["event"] == "claim", 0).groupby(firm).sum()
    signed = known["attendance"]
    signed = signed[(signed["signed_at"] >= begin) & (signed["signed_at"] < end)]
    busiest = (
        signed.assign(provider=signed["booking_id"].map(provider_of))
        .groupby(["provider", "device_hash"])
        .size()
    )
    result["signing_device"] = busiest.groupby("provider").max()
    earlier = bookings[(bookings["created_at"] < begin)].groupby("provider").size()
    result["growth"] = many / (1 + earlier.reindex(many.index).fillna(0))
    return result.fillna(0.0)
