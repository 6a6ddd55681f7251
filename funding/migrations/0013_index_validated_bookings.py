from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("funding", "0012_add_laboratory_runs"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("service_validated_at__isnull", False)),
                fields=["service_validated_at"],
                name="booking_validated",
            ),
        ),
    ]
