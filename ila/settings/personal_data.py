"""How long people have for what, and how long the law obliges to keep what they would rather have erased."""

import os

# A copy of one's data can be had for so many days.
EXPORT_DAYS = int(os.environ.get("EXPORT_DAYS") or 7)
# An erasure can be taken back for so many days before it is carried out.
ERASURE_COOLING_DAYS = int(os.environ.get("ERASURE_COOLING_DAYS") or 14)
# Books and receipts are kept until the end of the year so many years after a person's last entry.
ERASURE_BOOKS_YEARS = int(os.environ.get("ERASURE_BOOKS_YEARS") or 10)
