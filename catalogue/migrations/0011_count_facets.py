from django.db import migrations

# The bits of each facet (catalogue/selectors/traits.py): how often its values are is otherwise beyond the planner.
MASKS = {
    "bookable": 1,
    "guaranteed": 2,
    "in_person": 4,
    "blended": 8,
    "online": 16,
    "kind": 31 << 5,
    "level": 15 << 10,
    "length": 7 << 14,
    "field": 31 << 20,
    "language": 31 << 25,
}


class Migration(migrations.Migration):
    """Statistics of each facet; and every line is made again, with its places."""

    dependencies = [("catalogue", "0010_add_spots")]

    operations = [
        *(
            migrations.RunSQL(
                f"CREATE STATISTICS listing_{name} ON (traits & {mask}) FROM catalogue_listing",
                f"DROP STATISTICS listing_{name}",
            )
            for name, mask in MASKS.items()
        ),
        migrations.RunSQL(
            "INSERT INTO catalogue_outdatedentry (entry_id) SELECT id FROM catalogue_microcredential",
            migrations.RunSQL.noop,
        ),
    ]
