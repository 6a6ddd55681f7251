"""What accredited providers told in their applications becomes facts with their days. May be run again."""

from datetime import date
from decimal import Decimal

from django.db import migrations

ROWS = {
    "establishment": ("establishments", ("name", "street", "postcode", "city", "country", "accessible")),
    "person": ("persons", ("role", "full_name", "birth_date", "share_percent")),
    "partner": ("partners", ("kind", "name", "number", "task", "contract_signed_on", "amount_cents")),
    "trainer": ("trainers", ("full_name", "subject", "qualification", "certified")),
}
CONTACT = ("email", "phone", "website", "turnover_cents", "currency")


def plain(row, names):
    """The values as JSON has them."""
    told = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else str(value)
        if isinstance(value, Decimal)
        else value
        for name, value in told.items()
    }


def date_told_facts(apps, schema_editor):
    """The latest approved application of each provider that has no facts yet."""
    using = schema_editor.connection.alias
    applications = apps.get_model("catalogue", "Application")
    details = apps.get_model("catalogue", "ProviderDetail")
    approved = (
        applications.objects.using(using)
        .filter(accreditation__state__in=("accredited", "suspended"))
        .select_related("accreditation")
        .order_by("provider_id", "-pk")
        .distinct("provider_id")
    )
    for one in approved.iterator(chunk_size=200):
        if details.objects.using(using).filter(provider_id=one.provider_id).exists():
            continue
        since = one.accreditation.valid_from or one.accreditation.accredited_at.date()
        told = [("contact", plain(one, CONTACT))]
        for kind, (relation, names) in ROWS.items():
            told += [(kind, plain(row, names)) for row in getattr(one, relation).order_by("pk")]
        details.objects.using(using).bulk_create(
            details(
                provider_id=one.provider_id,
                kind=kind,
                facts=facts,
                valid_from=since,
                entered_by_id=one.declared_by_id or one.started_by_id,
                entered_at=one.accreditation.accredited_at,
            )
            for kind, facts in told
        )


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0014_index_titles")]

    operations = [migrations.RunPython(date_told_facts, migrations.RunPython.noop)]
