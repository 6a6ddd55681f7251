"""The trees behind the seals, against the definition of RFC 6962."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.services import merkle

leaves_of_any_number = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)


def recursive_root(leaves):
    """The definition in RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + recursive_root(leaves[:k]) + recursive_root(leaves[k:])).digest()


@given(leaves_of_any_number)
def test_the_root_is_that_of_the_rfc(leaves):
    assert merkle.root(leaves) == recursive_root(leaves)


@given(leaves_of_any_number, st.data())
def test_every_leaf_has_a_proof_and_no_other_leaf_fits_it(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.path(leaves, index)
    root = merkle.root(leaves)
    assert merkle.root_of_path(leaves[index], index, len(leaves), proof) == root
    other = merkle.leaf_hash(leaves[index])
    assert merkle.root_of_path(other, index, len(leaves), proof) != root


def test_known_answer():
    a, b = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert a == hashlib.sha256(b"\x00a").digest()
    assert merkle.root([a, b]) == hashlib.sha256(b"\x01" + a + b).digest()


def test_a_proof_of_the_wrong_length_is_refused():
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(5)]
    proof = merkle.path(leaves, 2)
    for wrong in (proof[:-1], [*proof, b"x" * 32]):
        with pytest.raises(ValueError, match="too"):
            merkle.root_of_path(leaves[2], 2, 5, wrong)


def test_nothing_has_no_root():
    with pytest.raises(ValueError, match="at least one"):
        merkle.root([])
    with pytest.raises(IndexError):
        merkle.path([b"x" * 32], 1)
