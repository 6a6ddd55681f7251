"""The database's own guards (2): triggers, rights and constraints are there, on, and as the models say."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import models

from funding.audit.checks import Group, PythonCheck
from funding.audit.report import Finding
from funding.models import Budget, JournalEntry, Lot, Posting
from ila.core.db.grants import rights_by_table
from ila.core.models import AppendOnlyModel

# Which invariant falls with a guard of a table; all others fall with the postings' own (2).
_INVARIANT_OF_TABLE = {
    "funding_lot": 4,
    "funding_budget": 4,
    "catalogue_sessionseats": 4,
    "funding_allocation": 5,
    "funding_claim": 7,
    "funding_claimline": 7,
    "funding_claimlog": 7,
    "funding_payment": 7,
    "funding_paymentbatch": 7,
    "funding_paymentbatchlog": 7,
    "funding_receivable": 7,
    "funding_receivablelog": 7,
    "funding_application": 10,
    "funding_agecreditgiven": 10,
    "funding_grantcount": 4,
    "funding_window": 4,
    "funding_booking": 8,
    "funding_bookinglog": 8,
    "accounts_consent": 8,
    "accounts_consentlog": 8,
    "accounts_signin": 8,
    "catalogue_session": 9,
    "catalogue_sessionlog": 9,
    "catalogue_microcredential": 9,
    "catalogue_microcredentiallog": 9,
    "catalogue_accreditation": 9,
    "catalogue_accreditationlog": 9,
    "funding_bankmessage": 10,
    "funding_topup": 10,
    "funding_topuplog": 10,
    "funding_topupline": 5,
    "funding_topupreceipt": 10,
    "funding_topuprefund": 10,
    "funding_topuprefundlog": 10,
    "funding_seal": 11,
    "funding_sealedleaves": 11,
    "funding_sealepoch": 11,
}
# These make an event count once.
_ONCE = {
    "journalentry_key_once",
    "bookinglog_key_once",
    "payment_one_alive_per_claim",
    "bankmessage_processed_once",
    "lot_one_per_source_and_expiry",
    "application_once",
    "agecreditgiven_once",
    "topupline_employee_once",
}
_MONEY_APPS = ("accounts", "catalogue", "funding")
# Balances move by postings only.
_BALANCES = {
    Lot._meta.db_table: ("available_cents", "held_cents", "spent_cents"),
    Budget._meta.db_table: ("available_cents",),
}
_UNWRITABLE = (JournalEntry._meta.db_table, Posting._meta.db_table)
_FUNCTIONS = ("ledger_post", "ledger_accrue")

_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32
_FUNCTION_BODY = re.compile(r"RETURNS TRIGGER AS \$\$(.*?)\$\$ LANGUAGE plpgsql", re.DOTALL)


def _guarded_models(labels: Sequence[str]) -> list[type[models.Model]]:
    return [model for label in labels for model in apps.get_app_config(label).get_models()]


def _invariant(table: str) -> int:
    return _INVARIANT_OF_TABLE.get(table, 2)


def find_triggers(cursor: Any, labels: Sequence[str] = _MONEY_APPS) -> Iterable[tuple[int, Finding]]:
    """Triggers that are missing, disabled, or do something else than the models say."""
    cursor.execute(
        """
        SELECT class.relname, trigger.tgname, trigger.tgenabled::text, trigger.tgtype,
               trigger.tgqual IS NOT NULL, function.prosrc
          FROM pg_trigger AS trigger
          JOIN pg_class AS class ON class.oid = trigger.tgrelid
          JOIN pg_proc AS function ON function.oid = trigger.tgfoid
         WHERE NOT trigger.tgisinternal AND class.relnamespace = current_schema()::regnamespace
        """
    )
    installed = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    for model in _guarded_models(labels):
        table = model._meta.db_table
        for trigger in getattr(model._meta, "triggers", ()):
            row = f"trigger:{table}.{trigger.name}"
            found = installed.get((table, trigger.get_pgid(model)))
            if found is None:
                yield _invariant(table), Finding(row, "trigger_missing")
                continue
            enabled, kind, conditional, body = found
            if enabled not in ("O", "A"):
                yield _invariant(table), Finding(row, "trigger_disabled")
            expected = _FUNCTION_BODY.search(trigger.compile(model).install_sql)
            if (
                expected is None
                or body.split() != expected.group(1).split()
                or kind != _kind_of(trigger)
                or conditional != (trigger.condition is not None)
            ):
                yield _invariant(table), Finding(row, "trigger_altered")


def _kind_of(trigger: pgtrigger.Trigger) -> int:
    operations = str(trigger.operation)
    kind = _ROW if trigger.level == pgtrigger.Row else 0
    kind |= _BEFORE if trigger.when == pgtrigger.Before else 0
    for word, bit in (
        ("INSERT", _INSERT),
        ("DELETE", _DELETE),
        ("UPDATE", _UPDATE),
        ("TRUNCATE", _TRUNCATE),
    ):
        kind |= bit if word in operations else 0
    return kind


def find_rights(cursor: Any, labels: Sequence[str] = _MONEY_APPS) -> Iterable[tuple[int, Finding]]:
    """Roles besides the owner that may do more with a table than the models say."""
    cursor.execute(
        """
        SELECT class.relname, acl.grantee::regrole::text, acl.grantee, acl.privilege_type, NULL
          FROM pg_class AS class, aclexplode(class.relacl) AS acl
         WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind IN ('r', 'p')
           AND acl.grantee <> class.relowner
         UNION ALL
        SELECT class.relname, acl.grantee::regrole::text, acl.grantee, acl.privilege_type, attribute.attname
          FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid,
               aclexplode(attribute.attacl) AS acl
         WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind IN ('r', 'p')
           AND acl.grantee <> class.relowner
        """
    )
    rights = rights_by_table()
    tables = {model._meta.db_table: model for model in _guarded_models(labels)}
    for table, grantee, oid, privilege, column in cursor.fetchall():
        if table not in tables or privilege not in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"):
            continue
        if not _allowed(rights[table], privilege, column):
            name = grantee if oid else "PUBLIC"
            where = f"{table}.{column}" if column else table
            yield _invariant(table), Finding(f"right:{where}", "right_too_many", f"{name} may {privilege}")
    yield from _find_mighty(cursor, tables)


def _allowed(rights: tuple[str, ...], privilege: str, column: str | None) -> bool:
    for right in rights:
        verb, _, columns = right.partition(" ")
        names = {name.strip() for name in columns.strip("()").split(",") if name.strip()}
        if verb == privilege and (not names or column in names):
            return True
    return False


def _find_mighty(cursor: Any, tables: dict[str, type[models.Model]]) -> Iterable[tuple[int, Finding]]:
    """What the application's role can do by whatever way: inherited roles, ownership, superuser."""
    frozen = sorted(table for table, model in tables.items() if issubclass(model, AppendOnlyModel))
    cursor.execute(
        """
        SELECT wanted.name, privilege.verb
          FROM unnest(%s::text[]) AS wanted (name),
               unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege (verb)
         WHERE has_table_privilege(current_user, quote_ident(wanted.name), privilege.verb)
           AND (privilege.verb <> 'INSERT' OR wanted.name = ANY (%s::text[]))
         UNION ALL
        SELECT balance.name || '.' || balance.field, 'UPDATE'
          FROM unnest(%s::text[], %s::text[]) AS balance (name, field)
         WHERE has_column_privilege(current_user, quote_ident(balance.name), balance.field, 'UPDATE')
        """,
        [
            frozen,
            list(_UNWRITABLE),
            [table for table, fields in _BALANCES.items() for _ in fields],
            [field for fields in _BALANCES.values() for field in fields],
        ],
    )
    for name, verb in cursor.fetchall():
        table = name.partition(".")[0]
        invariant = 3 if table in _BALANCES else _invariant(table)
        yield invariant, Finding(f"right:{name}", "right_too_many", f"the application may {verb}")
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)")
    for (role,) in cursor.fetchall():
        yield 2, Finding(f"role:{role}", "role_too_mighty", "it bypasses every right")


def find_functions(cursor: Any) -> Iterable[tuple[int, Finding]]:
    """The functions that write the journal are there, run as the owner, and look up names safely."""
    cursor.execute(
        """
        SELECT proname, prosecdef,
               format('search_path=%%s, pg_temp', quote_ident(current_schema())) = ANY (proconfig),
               coalesce(proconfig::text, ''), pg_has_role(current_user, proowner, 'MEMBER')
          FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = ANY (%s)
        """,
        [list(_FUNCTIONS)],
    )
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    for name in _FUNCTIONS:
        if name not in found:
            yield 2, Finding(f"function:{name}", "function_missing")
            continue
        as_owner, safe, config, ours = found[name]
        if not as_owner or not safe or ours:
            yield 2, Finding(f"function:{name}", "function_altered", config)


def find_constraints(cursor: Any, labels: Sequence[str] = _MONEY_APPS) -> Iterable[tuple[int, Finding]]:
    """Constraints and unique indexes that are missing or not valid."""
    # From PostgreSQL 18 on a constraint may also be there and not enforced.
    enforced = "AND conenforced" if cursor.connection.info.server_version >= 180000 else ""
    cursor.execute(
        f"""
        SELECT class.relname, conname FROM pg_constraint JOIN pg_class AS class ON class.oid = conrelid
         WHERE class.relnamespace = current_schema()::regnamespace AND convalidated {enforced}
         UNION ALL
        SELECT class.relname, index_class.relname
          FROM pg_index JOIN pg_class AS class ON class.oid = indrelid
          JOIN pg_class AS index_class ON index_class.oid = indexrelid
         WHERE class.relnamespace = current_schema()::regnamespace AND indisvalid AND indisunique
        """
    )
    present = set(cursor.fetchall())
    for model in _guarded_models(labels):
        table = model._meta.db_table
        for constraint in model._meta.constraints:
            if (table, constraint.name) not in present:
                invariant = 10 if constraint.name in _ONCE else _invariant(table)
                yield invariant, Finding(f"constraint:{table}.{constraint.name}", "constraint_missing")
        yield from _find_unique_fields(cursor, model)
    yield from _find_foreign_keys(cursor, labels)


def _find_unique_fields(cursor: Any, model: type[models.Model]) -> Iterable[tuple[int, Finding]]:
    table = model._meta.db_table
    names = [field.column for field in model._meta.local_concrete_fields if field.unique]
    cursor.execute(
        """
        SELECT wanted.name FROM unnest(%s::text[]) AS wanted (name)
         WHERE NOT EXISTS (
            SELECT 1 FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
             WHERE indrelid = %s::regclass AND indisunique AND indisvalid AND indnkeyatts = 1
               AND indpred IS NULL
               AND attname = wanted.name)
        """,
        [names, table],
    )
    for (name,) in cursor.fetchall():
        yield 10, Finding(f"constraint:{table}.{name}_unique", "constraint_missing")


def _find_foreign_keys(cursor: Any, labels: Sequence[str]) -> Iterable[tuple[int, Finding]]:
    cursor.execute(
        """
        SELECT class.relname, attname FROM pg_constraint
          JOIN pg_class AS class ON class.oid = conrelid
          JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
         WHERE contype = 'f' AND convalidated AND class.relnamespace = current_schema()::regnamespace
        """
    )
    present = set(cursor.fetchall())
    for model in _guarded_models(labels):
        for field in model._meta.local_concrete_fields:
            if (
                field.is_relation
                and getattr(field, "db_constraint", True)
                and (model._meta.db_table, field.column) not in present
            ):
                row = f"constraint:{model._meta.db_table}.{field.column}_fk"
                yield _invariant(model._meta.db_table), Finding(row, "constraint_missing")


_EVERY = {2, 3, 4, 5, 7, 8, 9, 10, 11}
GROUP = Group(
    checks=[
        PythonCheck("triggers", _EVERY, find_triggers),
        PythonCheck("rights", _EVERY, find_rights),
        PythonCheck("functions", {2}, find_functions),
        PythonCheck("constraints", _EVERY, find_constraints),
    ],
    counts=[],
)
