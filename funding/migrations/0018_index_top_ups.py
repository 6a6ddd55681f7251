from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("funding", "0017_index_credits"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="journalentry", name="journalentry_credits"),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("kind__in", ["credit", "accrue", "age_credit", "top_up_allocated"])),
                fields=["occurred_at"],
                name="journalentry_credits",
            ),
        ),
    ]
