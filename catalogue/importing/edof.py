"""One EDOF formation: validated by the published schema, then read into an entry."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from catalogue.importing import html, values
from catalogue.importing.entries import MAX_NUMBER, Entry, EntryData, OfferData, SessionData
from catalogue.importing.problems import Problem, RefusedWholeError
from catalogue.importing.splitting import NAMESPACE, Piece, split_file
from catalogue.models.micro_credentials import CredentialKind
from catalogue.models.offers import DeliveryMode

N = f"{{{NAMESPACE}}}"
KIND_OF_CPF_CODE = {
    "CPF200": CredentialKind.PRIOR_LEARNING,
    "CPF202": CredentialKind.SKILLS_ASSESSMENT,
    "CPF206": CredentialKind.LIGHT_LICENCE,
}
MODE_OF_TEACHING = {"0": DeliveryMode.IN_PERSON, "1": DeliveryMode.BLENDED, "2": DeliveryMode.ONLINE}
PRICE_TOLERANCE = Decimal("0.01")
MAX_HOURS = 10**9
# Persons to contact are not imported: the catalogue needs no personal data.
PERSONAL = {f"{N}coordonnees", f"{N}telfixe", f"{N}portable", f"{N}courriel", f"{N}nom", f"{N}prenom"}
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ?(.*?) ?\)\.")
_NAMES_FORMACODE = re.compile(r"(?:codes?[-_ ])?formacodes?(?:[-_ ]\w+)?", re.IGNORECASE)
_FORMACODE = re.compile(r"(?<![0-9])[1-9][0-9]{4}(?![0-9])")
_NAME = re.compile(r"\{[^}]*\}")
_LAST_STEP = re.compile(r"([^/:*\[\]]+)(?:\[\d+\])?$")
# A number carries the entry's identity; when it or a date was last touched says nothing about the entry.
_VOLATILE = {"datemaj", "datecrea", "numero"}


def read_file(path: Path) -> Iterator[Entry | Problem]:
    """The entries of an EDOF file in their order, and schema problems outside any entry.

    Raises: RefusedWholeError, possibly at the very end of the file.
    """
    for piece in split_file(path):
        yield piece if isinstance(piece, Problem) else read_piece(piece)


def read_piece(piece: Piece) -> Entry:
    """One formation as an entry, with everything that is wrong with it."""
    if piece.xml is None:
        entry = Entry(piece.line, None, None)
        entry.fail("schema", "the formation is too large", "formation")
        return entry
    formation = _parse(piece.xml, piece.line)
    entry = Entry(piece.line, _siret(formation), formation.get("numero"))
    if entry.number is not None and len(entry.number) > MAX_NUMBER:
        entry.number = entry.number[:MAX_NUMBER]
        entry.fail("schema", f"numero is longer than {MAX_NUMBER} characters", "numero")
    _check_schema(entry, formation)
    if entry.provider is not None and not values.is_siret(entry.provider):
        entry.fail("bad_siret", f"{entry.provider} is no SIRET", "SIRET")
    if not any(problem.code == "schema" for problem in entry.errors):
        data = _Reader(entry, formation).read()
        entry.data = None if entry.errors else data
    return entry


def _parse(xml: bytes, line: int) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise RefusedWholeError("not_xml", f"not readable XML: {error.msg}", line=line) from error
    return root[0]


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(Path(__file__).with_name("edof.xsd"))))


def _check_schema(entry: Entry, formation: etree._Element) -> None:
    schema = _schema()
    if schema.validate(formation):
        return
    seen: set[str] = set()
    faults: Iterable[Any] = schema.error_log  # type: ignore[assignment]
    for fault in faults:
        # One fault of one element is told once, however many facets it breaks.
        if fault.path in seen:
            continue
        seen.add(fault.path)
        entry.fail("schema", _NAME.sub("", fault.message)[:500], _schema_field(formation, fault))
    if not seen:
        entry.fail("schema", "the formation does not follow the schema", "formation")


def _schema_field(formation: etree._Element, fault: Any) -> str:
    found = etree.ElementTree(formation).xpath(fault.path) if fault.path else []
    element = found[0] if isinstance(found, list) and found else formation
    if not isinstance(element, etree._Element):
        return "formation"
    local = etree.QName(element).localname
    missing = _EXPECTED.search(fault.message)
    if "Missing child element" in fault.message and missing:
        local = _NAME.sub("", missing[1]).split(",")[0].strip()
        return _path_of(formation, element, local)
    if "is not expected" in fault.message and missing:
        names = [name.strip() for name in missing[1].split(",")]
        parent = element.getparent()
        # The reader stumbles over the element after the one that is missing.
        if parent is not None and len(names) == 1 and parent.find(names[0]) is None:
            return _path_of(formation, parent, _NAME.sub("", names[0]))
    attribute = re.search(r"attribute '(?:\{[^}]*\})?([^']+)'", fault.message)
    if attribute:
        return _path_of(formation, element, attribute[1])
    if element is formation:
        return local
    return _path_of(formation, element.getparent(), local)


def _path_of(formation: etree._Element, inside: etree._Element | None, local: str) -> str:
    steps = [local]
    while inside is not None and inside is not formation:
        if inside.tag in (f"{N}session", f"{N}action"):
            steps.append(inside.get("numero") or etree.QName(inside).localname)
        inside = inside.getparent()
    return "/".join(reversed(steps))


def _siret(formation: etree._Element) -> str | None:
    path = f"{N}organisme-formation-responsable/{N}SIRET-organisme-formation/{N}SIRET"
    found = formation.findall(path)
    if len(found) != 1 or len(found[0]):
        return None
    text = found[0].text or ""
    return text if len(text) == 14 else None


class _Reader:
    """Reads a formation that the schema accepts."""

    def __init__(self, entry: Entry, formation: etree._Element) -> None:
        self.entry = entry
        self.formation = formation
        self._lengths: set[int] = set()

    def read(self) -> EntryData:
        formation = self.formation
        title = html.plain_text(values.collapse(_text(formation, "intitule-formation")))
        goals = html.clean_html(values.lines(_text(formation, "objectif-formation")))
        content = html.clean_html(values.lines(_text(formation, "contenu-formation")))
        for field, cleaned in (
            ("intitule-formation", title),
            ("objectif-formation", goals),
            ("contenu-formation", content),
        ):
            if cleaned.active:
                self.entry.warn("html_cleaned", "active content was taken out", field)
        kind, code = self._certification()
        offers = self._offers()
        hours = sorted(self._lengths)
        requirements = {offer.values["has_prerequisites"] for offer in offers}
        return EntryData(
            values={
                "title": values.collapse(title.text),
                "kind": str(kind),
                "code": code,
                "goals_html": goals.text,
                "content_html": content.text,
                "language": offers[0].values["language"]
                if len({o.values["language"] for o in offers}) == 1
                else "",
                "has_prerequisites": True
                if True in requirements
                else False
                if requirements == {False}
                else None,
                "currency": "EUR",
                "price_cents": None,
                "total_mismatch": False,
                "facts": self._facts(),
            },
            status="Approved",
            offers=offers,
            # Actions of different lengths have no length in common.
            hours=str(hours[0]) if len(hours) == 1 else None,
            names=sorted(
                {
                    value
                    for offer in offers
                    for value in (offer.values["city"], offer.values["postcode"])
                    if value
                }
            ),
            description={"formacodes": _formacodes(self.formation) or None},
        )

    def _certification(self) -> tuple[CredentialKind, str]:
        certification = self.formation.find(f"{N}certification")
        assert certification is not None
        element = certification[0]
        code = (element.text or "").strip()
        if element.tag == f"{N}code-RNCP":
            return CredentialKind.RNCP, code
        if element.tag == f"{N}code-RS":
            return CredentialKind.RS, code
        kind = KIND_OF_CPF_CODE.get(code)
        if kind is None:
            self.entry.warn(
                "kind_unknown", f"{code} is no kind that is known: stored as a course", "code-CPF"
            )
        return kind or CredentialKind.COURSE, code

    def _facts(self) -> dict[str, Any]:
        facts = {
            name: _text(self.formation, name)
            for name in ("resultats-attendus", "parcours-de-formation", "objectif-general-formation")
        }
        cleaned = html.clean_html(values.lines(facts["resultats-attendus"]))
        if cleaned.active:
            self.entry.warn("html_cleaned", "active content was taken out", "resultats-attendus")
        return {**facts, "resultats-attendus": cleaned.text, "extras": _extras(self.formation)}

    def _offers(self) -> list[OfferData]:
        offers: list[OfferData] = []
        seen: set[str] = set()
        for action in self.formation.findall(f"{N}action"):
            number = self._number(action, "")
            if number in seen:
                self.entry.fail("duplicate", f"action {number} comes twice", number)
            seen.add(number)
            offers.append(self._offer(action, number))
        return offers

    def _offer(self, action: etree._Element, number: str) -> OfferData:
        address = action.find(f"{N}lieu-de-formation/{N}coordonnees/{N}adresse")
        centre = int(_text(action, "nombre-heures-centre") or 0)
        company = int(_text(action, "nombre-heures-entreprise") or 0)
        price, net, vat = self._price(action, number)
        prerequisites = _extra(action, "existence-prerequis")
        place = _place(address)
        address_words = _tree(address) if address is not None else None
        if centre >= 0 and company >= 0 and 0 < centre + company < MAX_HOURS:
            self._lengths.add(centre + company)
        self._check_days(action, number)
        offer = {
            "mode": str(MODE_OF_TEACHING[values.collapse(_text(action, "modalites-enseignement"))]),
            **place,
            "language": _text(action, "langue-formation").lower(),
            "hours_centre": centre if action.find(f"{N}nombre-heures-centre") is not None else None,
            "hours_company": company if action.find(f"{N}nombre-heures-entreprise") is not None else None,
            "has_prerequisites": {"0": False, "1": True}.get(prerequisites),
            "currency": "EUR",
            "price_cents": price,
            "net_price": net,
            "vat_percent": vat,
            "facts": {**self._offer_facts(action), "address": address_words},
        }
        return OfferData(number, offer, self._sessions(action, number))

    def _offer_facts(self, action: etree._Element) -> dict[str, Any]:
        read_elsewhere = {
            f"{N}{name}"
            for name in (
                *("session", "extras", "lieu-de-formation", "modalites-enseignement", "langue-formation"),
                *("nombre-heures-centre", "nombre-heures-entreprise"),
            )
        }
        facts: dict[str, Any] = {}
        for child in action:
            if child.tag in read_elsewhere:
                continue
            facts.setdefault(etree.QName(child).localname, []).append(_tree(child))
        return {**{name: sorted(items, key=repr) for name, items in facts.items()}, "extras": _extras(action)}

    def _price(self, action: etree._Element, number: str) -> tuple[int, str, str]:
        gross = _fees(action, "frais-ttc")
        nets, vats = _fees(action, "frais-ht"), _fees(action, "taux-tva")
        net, vat = nets[0] if nets else "", vats[0] if vats else ""
        cents = values.euro_cents(gross[0]) if len(gross) == 1 else None
        if cents is None:
            told = f"{gross[0][:40]!r} is no price" if gross else "there is no price"
            self.entry.fail("bad_price", told, f"{number}/frais-ttc")
        net_value = values.plain_decimal(net) if len(nets) < 2 else None
        vat_value = values.plain_decimal(vat or "0") if len(vats) < 2 else None
        if net and net_value is None:
            self.entry.fail("bad_price", f"{net[:40]!r} is no price", f"{number}/frais-ht")
        if vat_value is None:
            self.entry.fail("bad_price", f"{vat[:40]!r} is no rate", f"{number}/taux-tva")
        if cents is not None and net_value is not None and vat_value is not None:
            gap = Decimal(cents) / 100 - net_value * (1 + vat_value / 100)
            if abs(gap) > PRICE_TOLERANCE:
                message = f"{gross[0]} is not {net} plus {vat or 0} % of it"
                self.entry.fail("price_mismatch", message, f"{number}/frais-ttc")
        return cents or 0, _canonical(net), _canonical(vat)

    def _check_days(self, action: etree._Element, number: str) -> None:
        for element in action.findall(f"{N}date-information/{N}date"):
            text = (element.text or "").strip()
            if text != values.PERMANENT_ENTRY and values.compact_day(text) is None:
                self.entry.fail("bad_date", f"{text} is no day", f"{number}/date")

    def _sessions(self, action: etree._Element, number: str) -> list[SessionData]:
        sessions: list[SessionData] = []
        seen: set[str] = set()
        for session in action.findall(f"{N}session"):
            own = self._number(session, f"{number}/")
            path = f"{number}/{own}"
            if own in seen:
                self.entry.fail("duplicate", f"session {path} comes twice", path)
            seen.add(own)
            starts, ends = (self._day(session, name, path) for name in ("debut", "fin"))
            if starts is not None and ends is not None and ends < starts:
                self.entry.fail("bad_period", f"ends on {ends}, before it starts on {starts}", f"{path}/fin")
            address = session.find(f"{N}adresse-inscription/{N}adresse")
            sessions.append(
                SessionData(
                    number=own,
                    starts=starts,
                    ends=ends,
                    closed=values.collapse(_text(session, "etat-recrutement")) == "2",
                    guaranteed=_extra(session, "garantie") == "1",
                    details={
                        "periode": [
                            _text(session, f"periode/{N}debut").strip(),
                            _text(session, f"periode/{N}fin").strip(),
                        ],
                        "adresse-inscription": _tree(address) if address is not None else None,
                        "extras": [one for one in _extras(session) if one.get("info") != "garantie"],
                    },
                )
            )
        return sessions

    def _day(self, session: etree._Element, name: str, path: str) -> str | None:
        text = _text(session, f"periode/{N}{name}").strip(" \t\r\n")
        if not text or text == values.PERMANENT_ENTRY:
            return None
        day = values.compact_day(text)
        if day is None:
            self.entry.fail("bad_date", f"{text} is no day of the calendar", f"{path}/{name}")
            return None
        return day.isoformat()

    def _number(self, element: etree._Element, before: str) -> str:
        number = element.get("numero") or ""
        if len(number) > MAX_NUMBER:
            number = number[:MAX_NUMBER]
            self.entry.fail(
                "schema", f"numero is longer than {MAX_NUMBER} characters", f"{before}{number[:40]}"
            )
        return number


def _words(element: etree._Element) -> str:
    return "".join(str(text) for text in element.itertext())


def _text(element: etree._Element, path: str) -> str:
    found = element.find(f"{N}{path}")
    return (found.text or "") if found is not None else ""


def _fees(action: etree._Element, info: str) -> list[str]:
    """The non-empty fees of that kind, in the action's own extras."""
    found = action.findall(f"{N}extras/{N}extras[@info='frais-pedagogiques']/{N}extra[@info='{info}']")
    texts = (_words(element).strip(" \t\r\n") for element in found)
    return [text for text in texts if text]


def _canonical(text: str) -> str:
    return values.decimal_text(text) if values.plain_decimal(text) is not None else ""


def _extra(element: etree._Element, info: str) -> str:
    found = element.find(f"{N}extras/{N}extra[@info='{info}']")
    return _words(found).strip() if found is not None else ""


def _extras(element: etree._Element) -> list[dict[str, Any]]:
    """What the element's extras say, sorted, so that their order means nothing; persons are left out."""
    items = [
        _tree(child)
        for extras in element.findall(f"{N}extras")
        for child in extras
        if not str(child.get("info", "")).startswith("contact")
    ]
    return sorted((item for item in items if not _is_fee(item)), key=repr)


def _formacodes(formation: etree._Element) -> list[str]:
    """FORMACODE numbers in the extras of a formation or of its actions: the schema has no element for them."""
    found: set[str] = set()
    for extra in formation.iter(f"{N}extra"):
        if _NAMES_FORMACODE.fullmatch(str(extra.get("info", ""))):
            found.update(_FORMACODE.findall(_words(extra)))
    return sorted(found)


def _is_fee(item: dict[str, Any]) -> bool:
    # Read into columns; a price written as 500.5 or 500.50 is the same price.
    return item.get("info") == "frais-pedagogiques"


def _tree(element: etree._Element) -> dict[str, Any]:
    """An element's words without layout, volatile attributes and persons."""
    node: dict[str, Any] = {"tag": etree.QName(element).localname}
    for name, value in element.attrib.items():
        if name not in _VOLATILE:
            node[str(name)] = str(value)
    text = values.collapse("".join((element.text or "", *((child.tail or "") for child in element))))
    if text:
        node["text"] = text
    children = [_tree(child) for child in element if child.tag not in PERSONAL]
    if children:
        unordered = element.tag == f"{N}extras"
        node["children"] = sorted(children, key=repr) if unordered else children
    return node


def _place(address: etree._Element | None) -> dict[str, Any]:
    place: dict[str, Any] = {
        "place": "",
        "street": "",
        "postcode": "",
        "city": "",
        "country": "FR",
        "latitude": None,
        "longitude": None,
    }
    if address is None:
        return place
    parts = {
        extra.get("info"): values.collapse(_words(extra)) for extra in address.findall(f"{N}extras/{N}extra")
    }
    street = " ".join(
        filter(None, (parts.get("numero-voie"), parts.get("code-nature-voie"), parts.get("libelle-voie")))
    )
    place.update(
        place=" ".join(values.collapse(line.text or "") for line in address.findall(f"{N}ligne")),
        street=street[:300],
        postcode=values.collapse(_text(address, "codepostal")),
        city=values.collapse(_text(address, "ville")),
        country=values.collapse(_text(address, "pays")).upper() or "FR",
        latitude=_coordinate(_text(address, f"geolocalisation/{N}latitude"), 90),
        longitude=_coordinate(_text(address, f"geolocalisation/{N}longitude"), 180),
    )
    return place


def _coordinate(text: str, limit: int) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if -limit <= value <= limit else None
