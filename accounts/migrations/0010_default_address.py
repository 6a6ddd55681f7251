"""Statements that write many messages at once name no address: they go to the recipient's own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_add_invitations")]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="address",
            field=models.EmailField(blank=True, db_default="", default="", max_length=254),
        ),
    ]
