"""Merkle trees as in RFC 6962: one hash stands for many, and proves each of them with a few more.

A leaf is SHA-256(0x00 ‖ content), a node SHA-256(0x01 ‖ left ‖ right), so that no node can pass for a leaf.
A level's odd last node is promoted unchanged, which gives the tree of the RFC.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
_NODE = b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over the hashes of the leaves, in their order. Raises: ValueError for none."""
    if not leaves:
        raise ValueError("a tree has at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that prove the leaf at `index` under the root, from the bottom up."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    proof: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = _above(level)
        index //= 2
    return proof


def root_of_path(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to. Raises: ValueError for a proof of the wrong length."""
    rest = list(proof)
    node = leaf
    while size > 1:
        if index % 2 or index + 1 < size:
            if not rest:
                raise ValueError("the proof is too short")
            sibling = rest.pop(0)
            node = _node(sibling, node) if index % 2 else _node(node, sibling)
        index //= 2
        size = (size + 1) // 2
    if rest:
        raise ValueError("the proof is too long")
    return node


def _above(level: list[bytes]) -> list[bytes]:
    above = [hashlib.sha256(_NODE + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
