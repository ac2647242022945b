"""File names of ready-made radar products, and what each says.

Sources: OPERA product specifications (RTC-S1, CSLC-S1), HyP3 product guides, SNAP band names, Sen4CAP's own
level-2 names of both generations, JRC's CARD names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sen4cap_core.scenes.radar.s1_model import Direction, Quantity, Scale
from sen4cap_core.scenes.radar.s1_orbits import relative_orbit_of

_BURST_S, _BEFORE_BURSTS_S, _ORBIT_S = 2.758273, 2.299849, 12 * 86_400 / 175
"""Seconds from a burst to the next of its swath, from the node to the first burst, and of an orbit."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REPEAT = timedelta(days=6)
_SLICE = timedelta(minutes=3)
"""Two passes of one relative orbit differ from whole cycles by the shift of slices at most."""


@dataclass(frozen=True)
class RadarName:
    """What the name of one file says. None: the name does not say."""

    family: str
    stem: str
    """Equal for the files of one product."""
    layer: str
    """``vv``, ``vh``, ``mask``, ``multi`` (several polarisations in one file) or ``other``."""
    quantity: Quantity | None
    scale: Scale | None
    platform: str
    acquired_at: datetime
    key: str
    """Equal for two deliveries of one acquisition."""
    pair_started_at: datetime | None = None
    has_time: bool = True
    relative_orbit: int | None = None
    orbit_direction: Direction | None = None
    flown: tuple[str, datetime] | None = None
    """Satellite and moment of one of the acquisitions: they tell the orbit where nothing else does."""
    generated_at: datetime | None = None
    version: str | None = None
    tile: str | None = None


_Build = Callable[["re.Match[str]"], RadarName]


def match_radar(name: str) -> RadarName | None:
    """Return what a file name says, None where it is no radar product we know.

    Raises
    ------
    ValueError
        In words for a user: a date that does not exist, or a pair that is none.
    """
    for pattern, build in _PATTERNS:
        found = pattern.fullmatch(name)
        if found is not None:
            return build(found)
    return None


def check_pair(earlier: datetime, later: datetime, has_time: bool) -> None:
    """Refuse two acquisitions that cannot be a pair of one relative orbit.

    Raises
    ------
    ValueError
        In words for a user.
    """
    apart = later - earlier
    if not apart:
        raise ValueError("both acquisitions of the pair are of the same time")
    rest = apart % _REPEAT
    if min(rest, _REPEAT - rest) > (_SLICE if has_time else timedelta(0)):
        raise ValueError(
            f"the two acquisitions lie {apart.total_seconds() / 86400:.2f} days apart, which is no multiple "
            "of 6: they are of different relative orbits, or of weeks in which satellites changed theirs"
        )


def track_of_burst(number: int) -> tuple[int, Direction]:
    """Return relative orbit and direction of a burst by its number in the repeat cycle (1 to 375 887).

    Bursts are numbered along the 175 orbits of a cycle, from the first one's ascending node on; an orbit goes
    north in its first and last quarter.

    Source: ESA, Sentinel-1 Burst ID Map.
    """
    orbits = ((number - 1) * _BURST_S + _BEFORE_BURSTS_S) / _ORBIT_S
    return int(orbits) + 1, "descending" if 0.25 <= orbits % 1.0 < 0.75 else "ascending"


def instant(text: str) -> datetime:
    """Return ``YYYYMMDD[THHMMSS]`` or ``ddMMMyyyy`` as UTC."""
    text = text.rstrip("Z")
    if len(text) == 9 and text[2:5].isalpha():
        month = _MONTHS.index(text[2:5].title()) + 1 if text[2:5].title() in _MONTHS else 0
        text = f"{text[5:]}{month:02d}{text[:2]}"
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} in its name is not a date") from error


def _pair(first: str, second: str) -> tuple[datetime, datetime]:
    """Return earlier and later of a pair, in whatever order the name has them."""
    earlier, later = sorted((instant(first), instant(second)))
    check_pair(earlier, later, "T" in first)
    return earlier, later


def _layer(text: str) -> str:
    text = text.lower()
    return text if text in ("vv", "vh", "mask") else "other"


def _opera_rtc(m: re.Match[str]) -> RadarName:
    at = instant(m["t"])
    return RadarName(
        "opera-rtc", m["stem"], _layer(m["layer"]), "gamma0", "power", m["sat"], at,
        key=f"{m['burst']}/{m['t']}", relative_orbit=int(m["burst"][1:4]), generated_at=instant(m["gen"]),
        version=m["version"],
    )  # fmt: skip


def _hyp3_rtc(m: re.Match[str]) -> RadarName:
    layer = "mask" if m["layer"] == "ls_map" else _layer(m["layer"])
    scale: dict[str, Scale] = {"p": "power", "d": "db", "a": "amplitude"}
    return RadarName(
        "hyp3-rtc", m["stem"], layer, "gamma0" if m["cal"] == "g" else "sigma0", scale[m["scale"]],
        f"S1{m['sat']}", instant(m["t"]), key=f"S1{m['sat']}/{m['t']}",
        flown=(f"S1{m['sat']}", instant(m["t"])),
    )  # fmt: skip


def _hyp3_coherence(m: re.Match[str]) -> RadarName:
    dates = re.findall(r"(?<![0-9A-Za-z])\d{8}(?:T\d{6})?(?![0-9])", m["stem"])
    pol = re.search(r"_(VV|VH|HH|HV)(?=[PRO]?\d*_)", m["stem"])
    if len(dates) < 2 or pol is None:
        raise ValueError("its name states no two dates and polarisation, as HyP3's do")
    earlier, later = _pair(dates[0], dates[1])
    platform = m["stem"][:3] if m["stem"][2] != "_" else "S1"
    track = re.match(r"S1[A-D]?_(\d{3})_", m["stem"])
    burst = re.match(r"S1_(\d+_IW\d)_", m["stem"])
    place = burst[1] if burst else platform
    orbit, direction = track_of_burst(int(burst[1].split("_")[0])) if burst else (None, None)
    return RadarName(
        "hyp3-insar", m["stem"], _layer(pol[1]), "coherence", "coherence", platform, later,
        key=f"{place}/{dates[0]}/{dates[1]}", pair_started_at=earlier, has_time="T" in dates[0],
        relative_orbit=int(track[1]) if track else orbit, orbit_direction=direction,
        flown=(platform, instant(dates[0])) if "T" in dates[0] else None,
    )  # fmt: skip


def _sen4cap_first(m: re.Match[str]) -> RadarName:
    is_pair = m["kind"] == "COHE"
    first, second = m["first"], m["second"]
    earlier, later = _pair(first, second) if is_pair else sorted((instant(first), instant(second)))
    tail = f"_{m['tile']}" if m["tile"] else ""
    return RadarName(
        "sen4cap-l2", f"{m['head']}_{m['orbit']}_{m['between'] or ''}{m['kind']}{tail}", m["pol"].lower(),
        "coherence" if is_pair else "sigma0", "coherence" if is_pair else "amplitude", "S1", later,
        key=f"{m['orbit']}/{later:%Y%m%dT%H%M%S}" + (f"/{earlier:%Y%m%dT%H%M%S}" if is_pair else ""),
        pair_started_at=earlier if is_pair else None, relative_orbit=int(m["orbit"]), tile=m["tile"],
    )  # fmt: skip


def _sen4cap_backscatter(m: re.Match[str]) -> RadarName:
    at = instant(m["t"])
    # Whether this generation holds amplitude or power, and of which quantity, depends on how it was set up.
    return RadarName(
        "sen4cap-l2", f"{m['sat']}_L2_BCK_{m['t']}_{m['orbit']}_{m['tile']}", m["pol"].lower(), None,
        None, m["sat"], at, key=f"{m['orbit']}/{m['t']}", has_time="T" in m["t"],
        relative_orbit=int(m["orbit"]), tile=m["tile"],
    )  # fmt: skip


def _sen4cap_coherence(m: re.Match[str]) -> RadarName:
    earlier, later = _pair(m["first"], m["second"])
    has_time = "T" in m["first"]
    shape = "%Y%m%dT%H%M%S" if has_time else "%Y%m%d"
    return RadarName(
        "sen4cap-l2", f"{m['sat']}_L2_COH_{m['first']}_{m['second']}_{m['orbit']}_{m['tile']}",
        m["pol"].lower(), "coherence", "coherence", m["sat"], later,
        key=f"{m['orbit']}/{later.strftime(shape)}/{earlier.strftime(shape)}", pair_started_at=earlier,
        has_time=has_time, relative_orbit=int(m["orbit"]), tile=m["tile"],
    )  # fmt: skip


def _snap_backscatter(m: re.Match[str]) -> RadarName:
    quantities: dict[str, Quantity] = {"Sigma0": "sigma0", "Gamma0": "gamma0", "Beta0": "beta0"}
    return RadarName(
        "snap", f"{m['head']}_{m['quantity']}{m['db'] or ''}", m["pol"].lower(), quantities[m["quantity"]],
        "db" if m["db"] else "power", m["sat"], instant(m["t"]), key=f"{m['sat']}/{m['t']}",
        relative_orbit=relative_orbit_of(m["sat"], int(m["absolute"])),
    )  # fmt: skip


def _snap_coherence(m: re.Match[str]) -> RadarName:
    earlier, later = _pair(m["first"], m["second"])
    source = _GRANULE.search(m["head"] or "")
    return RadarName(
        "snap", f"{m['head'] or ''}coh_{m['first']}_{m['second']}{m['tail'] or ''}", m["pol"].lower(),
        "coherence", "coherence", "S1", later, key=f"{later:%Y%m%d}/{earlier:%Y%m%d}",
        pair_started_at=earlier, has_time=False,
        relative_orbit=relative_orbit_of(source["sat"], int(source["absolute"])) if source else None,
        flown=(source["sat"], instant(source["t"])) if source else None,
    )  # fmt: skip


def _card_coherence(m: re.Match[str]) -> RadarName:
    first = instant(m["first"])
    dates = sorted({instant(text) for text in re.findall(r"\d{8}T\d{6}", m["stem"])})
    # The name holds the earlier acquisition and the length of the pair.
    later = dates[-1] if dates[-1] - first > timedelta(days=1) else first + timedelta(days=int(m["days"]))
    check_pair(first, later, True)
    return RadarName(
        "card-coh", m["stem"], "multi", "coherence", "coherence", m["sat"], later,
        key=f"{later:%Y%m%dT%H%M%S}/{first:%Y%m%dT%H%M%S}", pair_started_at=first, flown=(m["sat"], first),
    )  # fmt: skip


_TIME = r"\d{8}T\d{6}"
_DAY = r"\d{8}(?:T\d{6})?"
_GRANULE = re.compile(
    rf"(?P<sat>S1[A-D])_IW_(?:SLC_|GRDH)_1S[SD][VH]_(?P<t>{_TIME})_{_TIME}_(?P<absolute>\d{{6}})_"
)
_PATTERNS: tuple[tuple[re.Pattern[str], _Build], ...] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (
            rf"(?P<stem>OPERA_L2_RTC-S1_(?P<burst>T\d{{3}}-\d{{6}}-IW[123])_(?P<t>{_TIME}Z)_(?P<gen>{_TIME}Z)_"
            r"(?P<sat>S1[A-D])_\d+_v(?P<version>\d+\.\d+))_(?P<layer>VV|VH|HH|HV|mask)\.tif",
            _opera_rtc,
        ),
        (
            rf"(?P<stem>S1(?P<sat>[A-D])_\w\w_(?P<t>{_TIME})_[SD][VH][PRO]_RTC\d+_G_(?P<cal>[gs])"
            r"(?P<scale>[pda])[uw][nf][ec][dm]_[0-9A-F]{4})_"
            r"(?P<layer>VV|VH|HH|HV|ls_map|inc_map|dem|area|rgb)\.tif",
            _hyp3_rtc,
        ),
        (r"(?P<stem>S1[A-D_][0-9A-Za-z_-]*_INT\d+(?:_G_\w{3})?_[0-9A-F]{4})_corr\.tif", _hyp3_coherence),
        (
            rf"(?P<head>SEN4CAP_(?:S1_)?L2A_(?!PRD_).*?_?V(?P<first>{_TIME})_(?P<second>{_TIME}))_"
            r"(?P<pol>VV|VH)_(?P<orbit>\d{3})_(?P<between>.+)?(?P<kind>AMP|COHE)(?:_(?P<tile>\d{2}[A-Z]{3}))?\.tif",
            _sen4cap_first,
        ),
        (
            rf"(?P<sat>S1[A-D])_L2_BCK_(?P<t>{_DAY})_(?P<pol>VV|VH)_(?P<orbit>\d{{1,3}})_"
            r"T?(?P<tile>\d{2}[A-Z]{3})\.tif",
            _sen4cap_backscatter,
        ),
        (
            rf"(?P<sat>S1[A-D])_L2_COH_(?P<first>{_DAY})_(?P<second>{_DAY})_(?P<pol>VV|VH)_(?P<orbit>\d{{1,3}})_"
            r"T?(?P<tile>\d{2}[A-Z]{3})\.tif",
            _sen4cap_coherence,
        ),
        (
            rf"(?P<head>(?P<sat>S1[A-D])_IW_(?:SLC|GRDH)_+1S[SD][VH]_(?P<t>{_TIME})_{_TIME}_(?P<absolute>\d{{6}})"
            r"_\w*?)_?(?P<quantity>Sigma0|Gamma0|Beta0)_(?P<pol>VV|VH)(?P<db>_db)?\.tiff?",
            _snap_backscatter,
        ),
        (
            r"(?P<head>.*_)?coh_(?:IW\d_)?(?P<pol>VV|VH)_(?P<first>\d{2}[A-Z][a-z]{2}\d{4})_"
            r"(?P<second>\d{2}[A-Z][a-z]{2}\d{4})(?P<tail>_.*)?\.tiff?",
            _snap_coherence,
        ),
        (
            rf"(?P<stem>(?P<sat>S1[A-D]?)_(?P<first>{_TIME})\w*CARD-COH(?P<days>6|12)\w*)\.tif",
            _card_coherence,
        ),
    )
)
