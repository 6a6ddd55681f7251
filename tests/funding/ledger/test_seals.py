"""Seals: what they cover, what they prove, and that tampering breaks them."""

import json
import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection, connections, transaction

from accounts.services import service_users
from funding.models import JournalEntry, Seal, SealedLeaves, SealEpoch
from funding.services import merkle, schemes, seals
from ila.core.errors import DomainError
from tests.factories.funding import BudgetFactory, LotFactory, SchemeFactory
from tests.support.seals import seal_all, wait_for_others

pytestmark = pytest.mark.usefixtures("committed_db")


FORGED_ENTRY = (
    "INSERT INTO funding_journalentry (id, scheme_id, kind, currency, idempotency_key, actor_id, occurred_at,"
    " transaction_id) SELECT {pk}, scheme_id, kind, currency, 'forged', actor_id, occurred_at, transaction_id"
    " FROM funding_journalentry"
)


def appropriate(key, cents=100):
    schemes.appropriate(
        scheme=SchemeFactory.create(),
        budget_name="2026",
        amount_cents=cents,
        actor=service_users.get("ledger"),
        idempotency_key=key,
    )


def faults(**anchors):
    return [(fault.row, fault.code) for fault in seals.Verification.start(**anchors).faults()]


@pytest.fixture
def sealed(committed_db):
    """Three seals of four, four and two entries."""
    for n in range(10):
        appropriate(f"k{n}", n + 1)
    return seal_all(max_entries=4)


class TestSealing:
    def test_covers_every_entry_once_in_order(self, sealed):
        assert [seal.entries for seal in sealed] == [4, 4, 2]
        assert [seal.number for seal in sealed] == [1, 2, 3]
        covered = [pk for seal in sealed for pk, _ in seals.Leaves(bytes(seal.leaves.content)).rows]
        assert covered == list(
            JournalEntry.objects.order_by("transaction_id", "pk").values_list("pk", flat=True)
        )
        assert faults() == []
        assert seals.count_unsealed() == 0

    def test_nothing_new_makes_no_seal(self, sealed):
        assert seals.seal_entries() == []
        appropriate("more")
        assert seals.count_unsealed() == 1
        (seal,) = seal_all()
        assert (seal.number, seal.entries) == (4, 1)
        assert faults() == []

    def test_a_transaction_is_never_divided(self, committed_db):
        with transaction.atomic():
            for n in range(5):
                appropriate(f"k{n}")
        appropriate("single")
        assert [seal.entries for seal in seal_all(max_entries=2)] == [5, 1]
        assert faults() == []

    def test_a_running_transaction_holds_the_border_back(self, sealed, worker_database):
        started, may_end = threading.Event(), threading.Event()

        def write_slowly():
            try:
                with transaction.atomic():
                    appropriate("slow")
                    started.set()
                    may_end.wait(20)
            finally:
                connections.close_all()

        writer = threading.Thread(target=write_slowly)
        writer.start()
        assert started.wait(20)
        scheme = SchemeFactory.create(code="cpf")
        # Another budget: this one does not wait for the running transaction.
        schemes.appropriate(
            scheme=scheme,
            budget_name="other",
            amount_cents=5,
            actor=service_users.get("ledger"),
            idempotency_key="fast",
        )
        assert seals.seal_entries() == []
        may_end.set()
        writer.join()
        (seal,) = seal_all()
        assert seal.entries == 2
        assert faults() == []

    def test_of_two_sealers_one_steps_back(self, sealed, app_dsn):
        appropriate("more")
        with psycopg.connect(app_dsn) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", [seals._ADVISORY_LOCK])
            assert seals.seal_entries() == []
        assert len(seal_all()) == 1

    def test_writing_never_waits_for_the_sealer(self, sealed):
        with transaction.atomic():
            appropriate("inside")
            seals.seal_entries()

            def write():
                try:
                    LotFactory.create(account__scheme=SchemeFactory.create(), employer=True)
                finally:
                    connections.close_all()

            writer = threading.Thread(target=write)
            writer.start()
            writer.join(20)
            assert not writer.is_alive()

    def test_the_job_seals(self, committed_db, run_manage):
        appropriate("k")
        wait_for_others()
        done = run_manage("seal", "--json")
        assert done.returncode == 0, done.stderr
        head = Seal.objects.get()
        assert json.loads(done.stdout) == {
            "sealed": 1,
            "head": {"number": 1, "chain_hash": head.chain_hash},
            "unsealed": 0,
        }


class TestProof:
    def test_the_leaf_is_the_hash_of_a_text_that_anybody_can_write(self, committed_db):
        lot = LotFactory.create(idempotency_key='quote " and \\ and é and \t')
        entry = JournalEntry.objects.get(kind="credit")
        written = json.dumps(
            [
                "ila.entry.1",
                entry.pk,
                entry.transaction_id,
                entry.scheme_id,
                "credit",
                "EUR",
                entry.idempotency_key,
                entry.actor_id,
                entry.occurred_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                None,
                [
                    [
                        row.pk,
                        row.bucket,
                        row.fund,
                        row.amount_cents,
                        row.lot_id,
                        row.budget_id,
                        row.booking_id,
                    ]
                    for row in entry.postings.order_by("pk")
                ],
            ],
            separators=(",", ":"),
            ensure_ascii=False,
        )
        assert seals.entry_text(entry.pk) == written
        seal_all()
        rows = dict(seals.Leaves(bytes(SealedLeaves.objects.get().content)).rows)
        assert rows[entry.pk] == merkle.leaf_hash(written.encode())
        assert lot.available_cents == 500_000

    def test_every_entry_is_proved_under_its_seal(self, sealed):
        for entry in JournalEntry.objects.all():
            proof = seals.prove(entry_id=entry.pk)
            assert proof.holds()
            assert not proof.__class__(**{**_fields(proof), "entry_text": proof.entry_text + " "}).holds()
            assert not proof.__class__(**{**_fields(proof), "path": proof.path[:-1]}).holds()

    def test_what_is_not_sealed_has_none(self, sealed):
        appropriate("late")
        newest = JournalEntry.objects.latest("pk")
        with pytest.raises(DomainError, match="not_sealed"):
            seals.prove(entry_id=newest.pk)
        with pytest.raises(DomainError, match="not_found"):
            seals.prove(entry_id=newest.pk + 1)


def _fields(proof):
    return {name: getattr(proof, name) for name in proof.__slots__}


class TestTampering:
    """Done as the owner role, with the guards off."""

    @pytest.fixture
    def tamper(self, owner_connection):
        def run(*statements):
            tables = ("funding_journalentry", "funding_posting", "funding_seal", "funding_sealedleaves")
            for table in tables:
                owner_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in statements:
                owner_connection.execute(statement)
            for table in tables:
                owner_connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

        return run

    @pytest.fixture
    def entry(self, sealed):
        return JournalEntry.objects.order_by("pk")[5]

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE funding_posting SET amount_cents = amount_cents * 2 WHERE entry_id = {pk}",
            "UPDATE funding_posting SET budget_id = NULL WHERE entry_id = {pk} AND bucket <> 'budget'",
            "UPDATE funding_journalentry SET kind = 'other' WHERE id = {pk}",
            "UPDATE funding_journalentry SET actor_id = (SELECT min(id) FROM accounts_user) WHERE id = {pk}",
            "UPDATE funding_journalentry SET occurred_at = occurred_at + interval '1 us' WHERE id = {pk}",
            "UPDATE funding_journalentry SET idempotency_key = 'x' WHERE id = {pk}",
            "DELETE FROM funding_posting WHERE entry_id = {pk} AND amount_cents > 0",
        ],
    )
    def test_a_change_names_seal_and_entry(self, entry, tamper, change):
        tamper(change.format(pk=entry.pk))
        assert faults() == [("seal:2", "seal_root"), (f"journalentry:{entry.pk}", "entry_changed")]

    def test_a_missing_entry(self, entry, tamper):
        tamper(
            f"DELETE FROM funding_posting WHERE entry_id = {entry.pk}",
            f"DELETE FROM funding_journalentry WHERE id = {entry.pk}",
        )
        assert faults() == [("seal:2", "seal_root"), (f"journalentry:{entry.pk}", "entry_missing")]

    def test_an_inserted_entry(self, entry, tamper):
        tamper(FORGED_ENTRY.format(pk=9999) + f" WHERE id = {entry.pk}")
        assert faults() == [("seal:2", "seal_root"), ("journalentry:9999", "entry_inserted")]

    def test_a_removed_seal(self, sealed, tamper):
        tamper(
            f"DELETE FROM funding_sealedleaves WHERE seal_id = {sealed[1].pk}",
            f"DELETE FROM funding_seal WHERE id = {sealed[1].pk}",
        )
        assert set(faults()) == {("seal:3", "seal_link"), ("seal:3", "seal_missing")}

    def test_a_seal_recomputed_after_the_fact_breaks_the_chain(self, entry, sealed, tamper):
        tamper(f"UPDATE funding_journalentry SET kind = 'other' WHERE id = {entry.pk}")
        seal = sealed[1]
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {seals._CONTENT} FROM ({seals._LEAVES}) AS leaf",
                [seal.from_transaction, seal.to_transaction, 0, 2**62],
            )
            leaves = seals.Leaves(bytes(cursor.fetchone()[0]))
        seal.merkle_root = leaves.root
        forged = seals.chain_hash(seal, sealed[0].chain_hash)
        content = leaves.content.hex()
        tamper(
            f"UPDATE funding_sealedleaves SET content = '\\x{content}' WHERE seal_id = {seal.pk}",
            f"UPDATE funding_seal SET merkle_root = '{leaves.root}' WHERE id = {seal.pk}",
            f"UPDATE funding_seal SET chain_hash = '{forged}' WHERE id = {seal.pk}",
        )
        assert faults() == [("seal:3", "seal_link")]

    def test_a_chain_rewritten_to_its_end_is_caught_by_what_was_published(self, sealed, tamper):
        published = {seal.number: seal.chain_hash for seal in sealed}
        tamper("DELETE FROM funding_sealedleaves", "DELETE FROM funding_seal")
        appropriate("forged")
        seal_all()
        assert faults() == []
        found = faults(anchors=published)
        assert ("seal:1", "seal_anchor") in found
        assert ("seal:3", "seal_missing") in found

    def test_leaves_that_were_touched(self, sealed, tamper):
        tamper(f"UPDATE funding_sealedleaves SET content = content || '\\x00' WHERE seal_id = {sealed[0].pk}")
        assert ("seal:1", "seal_leaves") in faults()


class TestAnotherCluster:
    """A dump restored elsewhere: its transaction ids are those of another counter."""

    def restore(self, owner_connection, offset):
        """Make this database look as if another cluster had written it, `offset` transactions later."""
        for table in ("funding_journalentry", "funding_sealepoch"):
            owner_connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner_connection.execute(
            f"UPDATE funding_journalentry SET transaction_id = transaction_id + {offset}"
        )
        owner_connection.execute("UPDATE funding_sealepoch SET cluster = '42'")
        for table in ("funding_journalentry", "funding_sealepoch"):
            owner_connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    @pytest.mark.parametrize("offset", [10_000_000, -20])
    def test_migrate_opens_an_epoch_and_the_chain_goes_on(
        self, committed_db, owner_connection, run_manage, offset
    ):
        for n in range(3):
            appropriate(f"k{n}")
        self.restore(owner_connection, offset)
        with pytest.raises(DomainError, match="database_moved"):
            seals.seal_entries()
        assert run_manage("migrate", "--verbosity", "0").returncode == 0
        assert run_manage("migrate", "--verbosity", "0").returncode == 0
        assert list(SealEpoch.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
        appropriate("after the restore")
        made = seal_all()
        assert [(seal.epoch, seal.entries) for seal in made] == [(1, 3), (2, 1)]
        assert faults() == []
        assert seals.count_unsealed() == 0
        appropriate("and on")
        assert seals.count_unsealed() == 1
        seal_all()
        assert faults() == []

    def test_an_entry_slipped_into_the_closed_epoch_is_found(self, sealed, owner_connection, run_manage):
        newest = JournalEntry.objects.latest("pk").pk
        owner_connection.execute(
            "SELECT setval(pg_get_serial_sequence('funding_journalentry', 'id'), %s)", [newest + 5]
        )
        owner_connection.execute("ALTER TABLE funding_sealepoch DISABLE TRIGGER USER")
        owner_connection.execute("UPDATE funding_sealepoch SET cluster = '42'")
        owner_connection.execute("ALTER TABLE funding_sealepoch ENABLE TRIGGER USER")
        run_manage("migrate", "--verbosity", "0")
        owner_connection.execute(FORGED_ENTRY.format(pk=newest + 1) + " LIMIT 1")
        assert (f"journalentry:{newest + 1}", "entry_inserted") in faults()


def test_sealed_at_is_the_clocks(committed_db):
    BudgetFactory.create()
    before = datetime.now(UTC)
    seal_all()
    assert before <= Seal.objects.get().sealed_at <= datetime.now(UTC)
