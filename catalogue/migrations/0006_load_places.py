import csv
import gzip
from pathlib import Path

from django.db import migrations

PLACES = Path(__file__).resolve().parent.parent / "data" / "places.csv.gz"
COLUMNS = ("country", "region", "name", "key", "latitude", "longitude", "population")


def load_places(apps, schema_editor):
    """The towns of `catalogue/data`, in one COPY; and every entry there is gets its line."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalogue_place")
        with (
            gzip.open(PLACES, "rt", encoding="utf-8", newline="") as file,
            cursor.copy(f"COPY catalogue_place ({', '.join(COLUMNS)}) FROM STDIN") as copy,
        ):
            for row in csv.DictReader(file):
                copy.write_row([row[name] for name in COLUMNS])
        cursor.execute(
            "INSERT INTO catalogue_outdatedentry (entry_id) SELECT id FROM catalogue_microcredential"
        )


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0005_tune_listings")]

    operations = [migrations.RunPython(load_places, migrations.RunPython.noop)]
