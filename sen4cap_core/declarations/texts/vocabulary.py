"""Words by which columns of declarations are known in the countries of Europe."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

EXACT = 10.0
CERTAIN = 8.0
LIKELY = 5.0
HINT = 2.0


@dataclass(frozen=True)
class Words:
    """What a column name says about one role.

    ``names`` are whole names (small letters and digits only), best first; ``tokens`` are words inside a
    name with their weight; ``fragments`` likewise for languages that write compounds in one word.
    """

    names: tuple[str, ...]
    tokens: dict[str, float]
    fragments: dict[str, float]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PARCEL = Words(
    names=_words(
        """
        oriid parcelid idparcel parcelaid idparcela parcelleid idparcelle parcid fieldid idfield plotid
        perceelid schlagid idschlag skiftesid markid imkid lohkoid laukoid poldid polluid culid
        numparcel parcelnumber parcelno fieldno parcela parcel parcelle perceel flik fskennung refid
        geoid nmaid landid localid inspireid gmlid objectid objid oid tunnus uuid guid gid id identifier
        featureid ogcfid fid
        """
    ),
    tokens={
        "parcel": LIKELY, "parcela": LIKELY, "parcelle": LIKELY, "perceel": LIKELY,
        "field": LIKELY, "plot": LIKELY, "schlag": LIKELY, "lohko": LIKELY, "skifte": LIKELY, "pold": LIKELY,
        "mark": HINT, "block": HINT, "blok": HINT, "bloc": HINT, "ilot": HINT, "feldstueck": HINT,
        "id": LIKELY, "pid": HINT, "objectid": LIKELY, "ident": LIKELY, "uid": LIKELY, "tunnus": LIKELY,
        "identifier": HINT, "nr": HINT, "no": HINT, "num": HINT, "number": HINT, "key": HINT, "ref": HINT,
        "sl": HINT, "geo": HINT,
    },
    fragments={"parcel": HINT, "parzel": HINT, "perceel": HINT, "schlag": HINT, "lohko": HINT,
               "tunnus": HINT, "numero": HINT, "objectid": HINT},
)  # fmt: skip

HOLDING = Words(
    names=_words(
        """
        orihold holdingid holdid idholding holding farmid idfarm farm farmerid farmer clientid client
        customerid businessid businessnumber herdno herdnumber herd beneficiaryid beneficiary
        applicantid applicant producerid producer betriebsnummer betriebid betrieb bnr bnrzd
        bewirtschafter mfa hauptbetriebsnummer pacage exploitant exploitation exploitationid producteur
        numpacage bedrijfid bedrijf relatienummer kvk kvknummer landbouwer landbouwernummer cuaa
        idazienda azienda conduttore explotacion idexplotacion explot expediente nif titular explotacio
        beneficiario agricultor nifap tilatunnus tila brukare kundnr kundnummer journalnr journalnummer
        cvr cvrnr taotleja taotlejaid taotlus taotluseid valda valdosnr valdosid ukis klientas klientsid
        saimnieciba lauksaimnieks kmgmid mid gospodarstvo mibpg oib zadatel uzivatel podnik jiuzivatel
        producent gospodarstwo nrproducenta gazdalkodo ugyfel ferma fermier solicitant stopanin urn crn
        """
    ),
    tokens={
        "holding": CERTAIN, "farm": CERTAIN, "farmer": CERTAIN, "client": LIKELY, "applicant": LIKELY,
        "betrieb": CERTAIN, "exploitation": LIKELY, "exploitant": LIKELY, "pacage": CERTAIN, "cuaa": CERTAIN,
        "bedrijf": CERTAIN, "landbouwer": CERTAIN, "tila": LIKELY, "producer": LIKELY, "producteur": LIKELY,
        "beneficiary": LIKELY, "herd": LIKELY, "explotacion": LIKELY, "explot": LIKELY,
        "expediente": LIKELY, "owner": HINT,
        "hold": LIKELY, "business": LIKELY, "customer": LIKELY, "azienda": LIKELY,
    },
    fragments={"betrieb": LIKELY, "tilatunnus": CERTAIN, "holding": LIKELY, "farmer": LIKELY},
)  # fmt: skip

CROP = Words(
    names=_words(
        """
        oricrop cropcode codecrop cropid gewascode gwscodh codecultu codeculture culturecode cultcod
        codcultivo cropcod kasvikoodi snarcode nutzungscode nutzcode kulturcode kulturartcode nccode nc
        afgkode afgroedekode grdkodmar grodkod grodakod sifrakmrs kmrs sifrakulture plodinakod
        kodplodiny plodinaid kultuurkood productcode parcproducto producto produ culcodigo codcultura
        codcult colturacod codicecoltura kodas kulturaskods produktakods novenykod codcultur kodrosliny
        kodkultury kodkultura croptype crop gewas culture cultiu cultivo cultura coltura kultur
        kulturart kultuur kultura afgroede groda plodina rastlina roslina uprawa noveny pasels paselis
        taotletudkultuur kultuurtaotletud cropname landuse nutzung sigpacuse usosigpac
        """
    ),
    tokens={
        "crop": CERTAIN, "gewas": CERTAIN, "culture": LIKELY, "cultu": LIKELY, "cultivo": CERTAIN,
        "cultiu": CERTAIN, "cultura": LIKELY, "coltura": CERTAIN, "kultur": LIKELY, "kultura": LIKELY,
        "kultuur": CERTAIN, "kasvi": CERTAIN, "snar": CERTAIN, "afg": LIKELY, "afgroede": CERTAIN,
        "grd": LIKELY, "groda": CERTAIN, "plodina": CERTAIN, "rastlina": LIKELY, "kmrs": CERTAIN,
        "uprawa": CERTAIN, "noveny": CERTAIN, "nutzung": LIKELY, "kulturart": CERTAIN, "producto": LIKELY,
        "product": HINT, "gwscod": CERTAIN, "gwsnam": LIKELY, "cult": LIKELY, "cul": LIKELY, "hcat": HINT,
        "trans": HINT, "landuse": LIKELY, "nc": LIKELY,
    },
    fragments={"crop": LIKELY, "gewas": LIKELY, "kasvi": LIKELY, "kultur": LIKELY, "cultur": LIKELY,
               "cultiv": LIKELY, "coltur": LIKELY, "kultuur": LIKELY, "plodin": LIKELY, "nutzung": LIKELY,
               "afgroed": LIKELY, "noveny": LIKELY},
)  # fmt: skip

CODE_TOKENS = frozenset(
    _words(
        """
        code cod kod kods kode koodi kood codigo codice sifra szifra id nr num kodas gwscod cropcode
        """
    )
)
"""Words that say: here stands a code rather than a name."""
NAME_TOKENS = frozenset(
    _words(
        """
        name nam nom naam navn namn nimi nombre naziv nev nazwa nazov nazev bezeichnung selite desc
        description descr label text lat latin latine fi sv en oms omschrijving gwsnam translated trans
        pavadinimas
        """
    )
)
"""Words that say: here stands a name rather than a code."""
MEASURE = frozenset(
    _words(
        """
        area ha opp oppervlakte flaeche brutto netto surf surface superficie superf sup ala pinta areal
        povrsina vymera powierzchnia terulet plotas length perimeter perim laenge shape len x y lon lat
        long longitude latitude lg bg xref yref size procent percent pct date datum data year jaar jahr
        annee rok vuosi campanya campanha campana campaign created modified updated pvm time status
        version geometry geom color colour municipality commune gemeente gem nis municipi comarca
        provincia region nuts3 nuts country
        """
    )
)
"""Words of columns that are never ids or codes: measures, dates, places."""
SECONDARY = frozenset(
    _words(
        """
        v n n2 second secondary previous prev next old before after catch derobee d1 d2
        """
    )
)
"""Words that mark the crop before or after the main one."""
REFERENCE = frozenset(
    _words(
        """
        block blok bloc ilot reference lpis perus gerk flik fs feldstueck sigpac
        """
    )
)
"""Words of the reference parcel, which several declared parcels share."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def split_name(name: str) -> tuple[str, list[str]]:
    """Return a column name as one word of plain letters and digits, and as its single words."""
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o").replace("Ø", "O"))
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    camel = _CAMEL.sub(" ", plain) if not plain.isupper() else plain
    tokens = [token for token in _SEPARATORS.split(camel.lower()) if token]
    return "".join(tokens), tokens


def score_name(name: str, words: Words) -> float:
    """Return how much a column name speaks for a role, 0 where it says nothing.

    A whole known name counts most (10 down to 9 in the order of the list, a trailing number of a layer
    join ignored), then a single known word, then a known part of a compound.
    """
    squashed, tokens = split_name(name)
    if squashed in words.names:
        return EXACT - words.names.index(squashed) / len(words.names)
    by_token = max((words.tokens.get(token, 0.0) for token in tokens), default=0.0)
    by_fragment = max((weight for part, weight in words.fragments.items() if part in squashed), default=0.0)
    return max(by_token, by_fragment)
