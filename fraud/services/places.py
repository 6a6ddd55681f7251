"""Known places: networks that detectors leave out, each put into force by two persons and ended by one."""

from __future__ import annotations

import ipaddress
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services.sign_ins import address_hash
from fraud import permissions
from fraud.models import KnownPlace, PlaceKind
from fraud.services.cases import required
from ila.core import clock, fsm, locks
from ila.core.errors import DomainError

# More lines than these are no place any more: whoever silences a whole operator hides what the detectors are for.
MOST_LINES = 1024
# Behind an IPv6 network of this size there is one line.
_LINE_PREFIX = 64
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> _Network:
    """The network of an address, or of a range in CIDR notation.

    Raises: DomainError `bad_network` for what is none or is nobody's own line; `network_too_large`, and for IPv6
    `network_too_small` when it is a part of a line.
    """
    try:
        network = ipaddress.ip_network("".join(text.split()), strict=True)
    except ValueError:
        raise DomainError("bad_network", status=422) from None
    # Addresses of no line of the public network would be a proxy's, behind which everybody is.
    if not network.is_global or network.is_multicast:
        raise DomainError("bad_network", status=422)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen > _LINE_PREFIX:
        if network.prefixlen < network.max_prefixlen:
            raise DomainError("network_too_small", status=422)
        # One address of a line tells which line it is.
        network = network.supernet(new_prefix=_LINE_PREFIX)
    if _lines(network) > MOST_LINES:
        raise DomainError("network_too_large", status=422, most=MOST_LINES)
    return network


def _lines(network: _Network) -> int:
    bits = 32 if isinstance(network, ipaddress.IPv4Network) else _LINE_PREFIX
    return int(2 ** (bits - network.prefixlen))


def line_hashes_of(network: str) -> list[str]:
    """What stands for the lines of a network among the facts. Raises: DomainError as `parse_network`."""
    return _line_hashes(parse_network(network))


def _line_hashes(network: _Network) -> list[str]:
    if isinstance(network, ipaddress.IPv4Network):
        return [address_hash(str(address)) for address in network]
    return [address_hash(str(line.network_address)) for line in network.subnets(new_prefix=_LINE_PREFIX)]


def propose_place(*, actor: User, kind: str, name: str, network: str, reason: str) -> KnownPlace:
    """Propose that detectors leave a network out; nothing changes before another person agrees.

    Logs: KnownPlaceLog. Raises: DomainError `not_allowed` (403), `incomplete`, as `parse_network`;
    `known_already` when the network is proposed or in force.
    """
    if not permissions.may_investigate(None, actor):
        raise DomainError("not_allowed", status=403, what="propose_place")
    if not (name.strip() and reason.strip()) or kind not in PlaceKind.values:
        raise DomainError("incomplete", status=422, what="kind, name, reason")
    found = parse_network(network)
    place = KnownPlace(
        kind=kind,
        name=name.strip(),
        network=str(found),
        line_hashes=_line_hashes(found),
        reason=reason.strip(),
        proposed_by=actor,
        proposed_at=clock.now(),
    )
    try:
        with transaction.atomic():
            fsm.start(place, actor=actor, reason=place.reason)
    except IntegrityError as error:
        raise DomainError("known_already", status=409) from error
    return place


@transaction.atomic
def agree_place(*, actor: User, place_id: int) -> KnownPlace:
    """Another person agrees: from now on detectors leave the network out.

    Locks: the place. Logs: KnownPlaceLog. Raises: DomainError `not_allowed`, `not_found` (404).
    """
    place = _locked(place_id)
    fsm.apply(place, "put_in_force", actor=actor, by=actor, at=clock.now())
    return place


@transaction.atomic
def refuse_place(*, actor: User, place_id: int, reason: str) -> KnownPlace:
    """Another person says no, and why. Raises: DomainError `incomplete`, `not_allowed`, `not_found` (404)."""
    place = _locked(place_id)
    fsm.apply(place, "refuse", actor=actor, reason=required(reason), by=actor, at=clock.now())
    return place


@transaction.atomic
def take_back_place(*, actor: User, place_id: int) -> KnownPlace:
    """Who proposed it takes it back. Raises: DomainError `not_allowed`, `not_found` (404)."""
    place = _locked(place_id)
    fsm.apply(place, "take_back", actor=actor)
    return place


@transaction.atomic
def end_place(*, actor: User, place_id: int, reason: str) -> KnownPlace:
    """Detectors look at the network again, at what happened there before too. Letting them speak takes one person.

    Locks: the place. Logs: KnownPlaceLog. Raises: DomainError `incomplete`, `not_allowed`, `not_found` (404).
    """
    place = _locked(place_id)
    fsm.apply(place, "end", actor=actor, reason=required(reason), at=clock.now())
    return place


def place_of(public_id: UUID) -> KnownPlace | None:
    """The place of that number, with the persons."""
    return KnownPlace.objects.select_related("proposed_by", "decided_by").filter(public_id=public_id).first()


def _locked(place_id: int) -> KnownPlace:
    if not KnownPlace.objects.filter(pk=place_id).exists():
        raise DomainError("not_found", status=404, kind="place")
    place: KnownPlace = locks.acquire(locks.lock(KnownPlace, place_id))[0]
    return place
