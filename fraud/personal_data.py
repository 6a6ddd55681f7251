"""What this app knows of people: cases are about providers; what learners were asked and said is theirs to read."""

from accounts.personal_data import OFFICE
from accounts.personal_registry import about, left_out
from catalogue import documents

# Evidence of a case, and what was said to a hold, is kept as long as its file, which nobody removes.
documents.kept_in("fraud.CaseDocument", "fraud.HoldDocument")

KEPT = "What learners said is evidence of a case, kept as long as the books it is about."

about(
    "fraud.LearnerSurvey",
    "questions-about-bookings",
    "booking__account__citizen__user",
    also={"training": "booking__credential__title"},
    hidden=["case", "asked_by"],
    stays=KEPT,
)
about(
    "fraud.LearnerReport",
    "reports-about-trainings",
    "booking__account__citizen__user",
    also={"training": "booking__credential__title"},
    stays=KEPT,
)
left_out(
    "What a suspicion is about is not told while it is looked into (Art. 23); what follows from it is.",
    "fraud.Alert",
    "fraud.AlertLog",
    "fraud.AlertSighting",
    "fraud.AutomaticHold",
    "fraud.BackTestFinding",
    "fraud.BlacklistEntry",
    "fraud.Case",
    "fraud.CaseBooking",
    "fraud.CaseDocument",
    "fraud.CaseLog",
    "fraud.CaseQuestion",
    "fraud.CaseRecord",
    "fraud.HoldAnswer",
    "fraud.HoldDecision",
    "fraud.HoldDocument",
    "fraud.Letter",
    "fraud.Measure",
    "fraud.MeasureEffect",
    "fraud.MeasureLine",
    "fraud.MeasureLog",
    "fraud.ScreeningMatch",
    "fraud.ShadowFinding",
)
left_out(
    OFFICE,
    "fraud.BackTest",
    "fraud.BackTestDay",
    "fraud.InvestigatorCapacity",
    "fraud.KnownPlace",
    "fraud.KnownPlaceLog",
    "fraud.ParameterVersion",
    "fraud.ParameterVersionLog",
    "fraud.PaymentScreening",
    "fraud.ShadowDay",
    "fraud.Snooze",
)
