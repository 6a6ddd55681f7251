"""The code on payment instructions that banks' apps scan (EPC069-12), as a picture without styles."""

from decimal import Decimal

import qrcode
from qrcode.image.svg import SvgPathImage


def transfer_text(*, name: str, iban: str, amount_cents: int, reference: str, bic: str = "") -> str:
    """What the code says: a SEPA transfer in euro with a structured creditor reference (ISO 11649)."""
    amount = Decimal(amount_cents).scaleb(-2)
    lines = ["BCD", "002", "1", "SCT", bic, name[:70], iban, f"EUR{amount:.2f}", "", reference]
    return "\n".join(lines)


def svg_of(text: str) -> str:
    """The code as an SVG document: attributes only, which the content policy lets through."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4, box_size=10)
    code.add_data(text)
    picture = code.make_image(image_factory=SvgPathImage)
    return str(picture.to_string(encoding="unicode"))
