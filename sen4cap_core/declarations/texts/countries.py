"""Codes of countries, as ISO 3166-1 has them."""

from __future__ import annotations

OF_THE_UNION = {
    "AUT": "Austria", "BEL": "Belgium", "BGR": "Bulgaria", "CYP": "Cyprus", "CZE": "Czechia",
    "DEU": "Germany", "DNK": "Denmark", "ESP": "Spain", "EST": "Estonia", "FIN": "Finland",
    "FRA": "France", "GRC": "Greece", "HRV": "Croatia", "HUN": "Hungary", "IRL": "Ireland",
    "ITA": "Italy", "LTU": "Lithuania", "LUX": "Luxembourg", "LVA": "Latvia", "MLT": "Malta",
    "NLD": "Netherlands", "POL": "Poland", "PRT": "Portugal", "ROU": "Romania", "SVK": "Slovakia",
    "SVN": "Slovenia", "SWE": "Sweden",
}  # fmt: skip
"""Member states of the European Union and their names."""

TWO_LETTERS = {
    "AT": "AUT", "BE": "BEL", "BG": "BGR", "CY": "CYP", "CZ": "CZE", "DE": "DEU", "DK": "DNK", "ES": "ESP",
    "EE": "EST", "FI": "FIN", "FR": "FRA", "GR": "GRC", "HR": "HRV", "HU": "HUN", "IE": "IRL", "IT": "ITA",
    "LT": "LTU", "LU": "LUX", "LV": "LVA", "MT": "MLT", "NL": "NLD", "PL": "POL", "PT": "PRT", "RO": "ROU",
    "SK": "SVK", "SI": "SVN", "SE": "SWE",
}  # fmt: skip
"""Their short codes, which people write as well."""

_ELSEWHERE = """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AZE BDI BEN BES BFA BGD BHR BHS BIH BLM BLR
    BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW
    CXR CYM DJI DMA DOM DZA ECU EGY ERI ESH ETH FJI FLK FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ
    GRD GRL GTM GUF GUM GUY HKG HMD HND HTI IDN IMN IND IOT IRN IRQ ISL ISR JAM JEY JOR JPN KAZ KEN KGZ KHM
    KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MMR MNE MNG
    MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NOR NPL NRU NZL OMN PAK PAN PCN PER PHL
    PLW PNG PRI PRK PRY PSE PYF QAT REU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD
    STP SUR SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA
    UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
"""

COUNTRIES = frozenset([*OF_THE_UNION, *_ELSEWHERE.split(), "XKX"])
"""All codes; XKX is what everybody writes for Kosovo."""


def country_code(given: str) -> str:
    """Return the code of three letters of a country; case does not matter, two letters do for the Union.

    Raises
    ------
    ValueError
        When there is no such country; the text names the codes of the Union.
    """
    code = given.strip().upper()
    code = TWO_LETTERS.get(code, code)
    if code in COUNTRIES:
        return code
    union = ", ".join(f"{short} {name}" for short, name in OF_THE_UNION.items())
    raise ValueError(f"{given!r} is not an ISO 3166 code of three letters; those of the Union are {union}")
