from django.db import migrations


class Migration(migrations.Migration):
    """The words of an entry lie apart from its line, so that facets are counted over few pages.

    `search` always goes out of line (nothing but ranking reads it there: the index finds), the rest stays in it.
    """

    dependencies = [("catalogue", "0004_add_listings")]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE catalogue_listing SET (toast_tuple_target = 128);
            ALTER TABLE catalogue_listing
                ALTER COLUMN search SET STORAGE EXTERNAL,
                ALTER COLUMN title_search SET STORAGE MAIN,
                ALTER COLUMN title_key SET STORAGE MAIN,
                ALTER COLUMN starts SET STORAGE MAIN;
            """,
            migrations.RunSQL.noop,
        )
    ]
