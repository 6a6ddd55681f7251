"""Recording sign-ins: under which one a consent was given is part of its receipt (F-32)."""

import ipaddress

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.models import NotMeKind, SignIn, User
from accounts.models.consents import Assurance
from accounts.services import devices, messages


def record_sign_in(
    *, user: User, method: str, assurance: Assurance, address: str = "", device: str = ""
) -> SignIn:
    """Write down that a person signed in, how, and how surely it was them.

    address, device: network address and browser as seen; only keyed hashes of them are kept, and the device in
    plain words. Whoever signed in before, and never from such a device, is told by mail.
    """
    sign_in = SignIn(
        user=user,
        method=method,
        assurance=assurance,
        ip_hash=address_hash(address),
        device_hash=_hash("device", device),
        device_name=devices.in_words(device),
    )
    with transaction.atomic():
        if sign_in.device_hash and _is_new_device(sign_in):
            messages.queue(
                recipient=user,
                template="sign_in_new_device",
                device=sign_in.device_name,
                at=sign_in.at.isoformat(),
                **messages.not_me(NotMeKind.SIGN_IN),
            )
        sign_in.save(force_insert=True)
    return sign_in


def address_hash(address: str) -> str:
    """The keyed hash under which a network address is known; "" where there is none.

    Of an IPv6 address its network of 64 bits: behind it is one line, while the rest changes from day to day.
    """
    return _hash("address", _line_of(address))


def _line_of(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        # What is no address is at least told apart.
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 128)).supernet(new_prefix=64).network_address)


def _is_new_device(sign_in: SignIn) -> bool:
    # One at a time for a person, so that two sign-ins at once tell of one new device once.
    User.objects.select_for_update(no_key=True).filter(pk=sign_in.user_id).first()
    earlier = SignIn.objects.filter(user=sign_in.user)
    return earlier.exists() and not earlier.filter(device_hash=sign_in.device_hash).exists()


def _hash(what: str, value: str) -> str:
    if not value:
        return ""
    return salted_hmac(
        f"ila.sign-in.{what}", value, secret=settings.SECRET_KEY, algorithm="sha256"
    ).hexdigest()
