from django.db import migrations


class Migration(migrations.Migration):
    """Half of each page stays free, so that an update of a seat counter finds room beside the old row."""

    dependencies = [("catalogue", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE catalogue_sessionseats SET (fillfactor = 50)",
            "ALTER TABLE catalogue_sessionseats RESET (fillfactor)",
        )
    ]
