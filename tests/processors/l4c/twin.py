"""The original's practice monitoring once more: one parcel at a time, in plain Python, rule by rule.

Slow and without arrays, so that it shares no way of thinking with the kernels it checks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean, stdev

import numpy as np
from scipy.special import stdtr

EPSILON = 1e-8
NOT_AVAILABLE = -10000


def gt(a, b):
    return a is not None and b is not None and a - b >= EPSILON


def ge(a, b):
    return a is not None and b is not None and a - b > -EPSILON


def monday(day):
    return day - timedelta(days=day.weekday()) if day else None


def days(n):
    return timedelta(days=n)


def rounded(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def to_date(text):
    return None if text in ("NA", "") else date.fromisoformat(text)


def text_of(value):
    return {True: "TRUE", False: "FALSE", None: "NA"}.get(value, value)


def without_doubles(rows):
    """Drop values of the same day and mean; all have the same standard deviation in made-up tables."""
    kept, means = [], defaultdict(list)
    for row in rows:
        if not any(abs(row[1] - mean) < EPSILON for mean in means[row[0]]):
            kept.append(row)
            means[row[0]].append(row[1])
    return kept


def slope_and_p(x, y):
    """Slope of a straight line, and how probable one as steep is by chance (two-sided t)."""
    mean_x, mean_y = fmean(x), fmean(y)
    xx = sum((a - mean_x) ** 2 for a in x)
    yy = sum((b - mean_y) ** 2 for b in y)
    xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    freedom = len(x) - 2
    rest = yy - xy * xy / xx
    if rest <= 0:
        return xy / xx, 0.0
    return xy / xx, 2 * stdtr(freedom, -abs(xy) * math.sqrt(freedom / (xx * rest)))


class Parcel:
    """Series of one parcel: amp [(day, vv, vh)], cohe {orbit: [(day, value)]}, ndvi [(day, value)]."""

    def __init__(self, observations):
        vv, vh, self.ndvi, orbits = [], [], [], defaultdict(list)
        for kind, pol, orbit, day, mean in observations:
            if kind == "NDVI":
                self.ndvi.append((day, mean))
            elif kind == "COHE" and pol == "VV":
                orbits[orbit].append((day, mean))
            elif kind == "AMP":
                (vv if pol == "VV" else vh).append((day, mean))
        vv, vh = without_doubles(sorted(vv)), without_doubles(sorted(vh))
        same_day = defaultdict(list)
        for day, value in vh:
            same_day[day].append(value)
        self.ratios = [(day, x - y, x) for day, x in vv for y in same_day[day]]
        self.cohe = []
        for series in orbits.values():
            before = None
            for day, value in sorted(series):
                near = before is not None and (day - before[0]).days <= 6
                self.cohe.append((day, value, max(0.0, value - before[1]) if near else 0.0))
                before = day, value
        self.cohe = without_doubles(self.cohe)
        self.longest_orbit = max((len(s) for s in orbits.values()), default=0)
        self.top = max((c[1] for c in self.cohe), default=None)

    def weeks(self, first=date.min, last=date(9000, 1, 1)):
        """Weeks with both ratio and coherence: {monday: dict}."""
        ratios = defaultdict(list)
        for day, ratio, _ in self.ratios:
            if first <= day <= last + days(7):
                ratios[monday(day)].append(ratio)
        cohe, ndvi = defaultdict(list), defaultdict(list)
        for day, value, rise in self.cohe:
            if first <= day <= last:
                cohe[monday(day)].append((value, rise))
        for day, value in self.ndvi:
            if first <= day <= last:
                ndvi[monday(day)].append(value)
        means = [fmean(ratios[week]) for week in sorted(ratios)]
        table = {}
        for k, week in enumerate(sorted(ratios)):
            if week not in cohe:
                continue
            change = 0.0
            if k >= 3:
                change = max(0.0, rounded((means[k] - sum(means[k - 3 : k]) / 3) * 100) / 100)
            table[week] = {
                "amp_max": max([0.0, *ratios[week]]),
                "amp_change": change,
                "coh_max": max([0.0, *(c[0] for c in cohe[week])]),
                "coh_change": rounded(max(c[1] for c in cohe[week]) * 1000) / 1000,
                "ndvi": rounded(fmean(ndvi[week])) if week in ndvi else None,
            }
        return table


def loss_threshold(ndvis, drops, low, high, step):
    if all(gt(low, v) for v in ndvis) or any(gt(low, v) for v in drops):
        return low
    return step * math.ceil(min(drops) / step) if drops else high


def efa(parcel, first, last, c):
    """Markers 6 to 10 of each week of a window."""
    table = parcel.weeks(first, last) if last else {}
    up = c["ndviup"] if c["efandviup"] == NOT_AVAILABLE else c["efandviup"]
    low = c["ndvidw"] if c["efandvidw"] == NOT_AVAILABLE else c["efandvidw"]
    least = 300 if c["efandvimin"] == NOT_AVAILABLE else c["efandvimin"]
    slope = 0.01 if c["efaampthr"] == NOT_AVAILABLE else c["efaampthr"]
    rise = c["cohthrhigh"] if c["efacohchange"] == NOT_AVAILABLE else c["efacohchange"]
    level = c["cohthrabs"] if c["efacohvalue"] == NOT_AVAILABLE else c["efacohvalue"]
    ratios = [(d, r) for d, r, _ in parcel.ratios if last and first <= d <= last + days(7)]
    seen, drops, out = [], [], {}
    mondays = sorted(table)
    for i, week in enumerate(mondays):
        row = table[week]
        v = row["ndvi"]
        m6 = m7 = m8 = None
        if v is not None:
            m6 = ge(v, c["efandvithr"])
            drop = None if not seen else gt(seen[-1], v) and gt(up, v)
            seen.append(v)
            if drop:
                drops.append(v)
            m7 = (m6 or drop is False) and ge(v, least)
            if drop is not None:
                m8 = not (drop and ge(loss_threshold(seen, drops, low, up, c["ndvistep"]), v))
        m9 = None
        if 0 < i < len(mondays) - 1:
            number = week.isocalendar().week
            near = [(d, r) for d, r in ratios if abs(d.isocalendar().week - number) <= 2]
            if len({d.isocalendar().week for d, _ in near}) >= 3 and len(near) > 2:
                found, chance = slope_and_p([d.toordinal() for d, _ in near], [r for _, r in near])
                m9 = not (ge(found, slope) and chance < 0.05 - EPSILON)
        m10 = not (ge(row["coh_change"], rise) or ge(row["coh_max"], level))
        out[week] = {"m6": m6, "m7": m7, "m8": m8, "m9": m9, "m10": m10}
    return out


def every(rows, marker, first):
    answers = [r[marker] for week, r in rows.items() if week >= first and r[marker] is not None]
    return all(answers) if answers else None


class Evaluation:
    """One row of a practice table."""

    def __init__(self, row, parcel, c, options):
        self.row, self.parcel, self.c, self.o = row, parcel, c, options
        self.veg, self.h_start, self.h_end = (to_date(row[k]) for k in ("VEG_START", "H_START", "H_END"))
        self.p_start, self.p_end = to_date(row["P_START"]), to_date(row["P_END"])

    def run(self):
        row, o = self.row, self.o
        year = self.veg.year
        result = {
            "FIELD_ID": row["SEQ_ID"],
            "YEAR": str(year),
            "VEG_START": row["VEG_START"],
            "P_START": row["P_START"],
            "P_END": row["P_END"],
        }
        names = [
            "L_WEEK",
            "M1",
            "M2",
            "M3",
            "M4",
            "M5",
            "H_WEEK",
            "H_W_START",
            "H_W_END",
            "H_W_S1",
            "M6",
            "M7",
            "M8",
            "M9",
            "M10",
            "C_INDEX",
        ]
        names += ["S1GAPS", "H_S1GAPS", "P_S1GAPS", "H_W_S1GAPS"]
        p = self.parcel
        nothing = None
        if int(row["S1Pix"] or 0) < 1:
            nothing = "NA1"
        elif not p or not p.ratios or p.longest_orbit < o["minacqs"] or len(p.cohe) <= 15 or not p.ndvi:
            nothing = "NA"
        self.t = {} if nothing else p.weeks()
        if nothing or not self.t:
            result |= dict.fromkeys(names, nothing or "NA") | {"H_QUALITY": "", "C_QUALITY": ""}
            if o["tillage"]:
                result |= dict.fromkeys(("TL_WEEK", "TL_W_START", "TL_W_END"), nothing or "NA")
            return result
        self.week = sorted(self.t)
        self.last = self.week[-1]
        self.harvest_markers()
        summary = [self.m[k][self.last] for k in ("m1", "m2", "m3", "m4", "m5")]
        if not self.has_vegetation:
            summary = [False, "NR", "NR", "NR", "NR"]
        gaps = self.gaps()
        self.forget = False
        start, end, markers, index = self.practice()
        harvest = None if self.forget else self.harvest
        result["VEG_START"] = self.veg_start.isoformat()
        result["P_START"] = start.isoformat() if start else "NA"
        result["P_END"] = end.isoformat() if end else "NA"
        result["L_WEEK"] = self.last.isoformat()
        for i, value in enumerate(summary + markers, start=1):
            result[f"M{i}"] = text_of(value)
        none = "NO-HARVEST"
        result["H_WEEK"] = str(harvest.isocalendar().week) if harvest else none
        result["H_W_START"] = harvest.isoformat() if harvest else none
        result["H_W_END"] = (harvest + days(6)).isoformat() if harvest else none
        result["H_W_S1"] = self.radar_harvest.isoformat() if self.radar_harvest else none
        result["C_INDEX"] = index
        result |= dict(zip(("S1GAPS", "H_S1GAPS", "P_S1GAPS"), map(str, gaps[:3]), strict=True))
        result["H_W_S1GAPS"] = str(gaps[3]) if harvest else "NR"
        result["H_QUALITY"] = "1" if harvest and gaps[3] >= 2 else ""
        result["C_QUALITY"] = "1" if gaps[2] >= 2 else ""
        if o["tillage"]:
            week = self.tillage(harvest) if harvest else None
            told = isinstance(week, date)
            word = "NO-TILLAGE" if week == "NR" else "NA"
            result["TL_WEEK"] = str(week.isocalendar().week) if told else word
            result["TL_W_START"] = week.isoformat() if told else word
            result["TL_W_END"] = (week + days(6)).isoformat() if told else word
        return result

    def season_week(self, day):
        return monday(day) + days(7) if day.isocalendar().week == 1 else monday(day)

    def harvest_markers(self):
        c, t, week = self.c, self.t, self.week
        first = self.season_week(self.veg)
        self.neighbours(first)
        self.veg_start = self.veg
        later = [w for w in week if w >= first]
        if later and later[0] != first:
            first = self.veg_start = later[0]
        end = monday(self.h_end)
        self.season = {w for w in week if end and first <= w <= end}
        types = (c["catchmain"], c["catchcropismain"])
        row = self.row
        if (
            self.o["practice"] == "CC"
            and not self.o["tillage"]
            and row["PRACTICE"] == "CatchCrop"
            and self.p_start
            and row["P_TYPE"] not in types
            and first < monday(self.p_start)
        ):
            self.season |= {w for w in week if first <= w <= monday(self.p_start) + days(7)}
        self.h_end_week = end if end in t else self.last
        ndvi = {w: t[w]["ndvi"] for w in week}
        m1, seen = {}, False
        for w in week:
            inside = first <= w <= self.h_end_week
            seen = seen or (inside and gt(ndvi[w], c["optthrvegcycle"]))
            m1[w] = seen if inside else None
        h_start = self.season_week(self.h_start)
        self.m = {"m1": m1, "m2": self.m2(m1, ndvi, h_start)}
        top = self.parcel.top
        level = c["cohthrabs"] if not gt(c["cohthrabs"], top) else top - c["cohthrbase"]
        m5 = {w: ge(t[w]["coh_change"], c["cohthrbase"]) or ge(t[w]["coh_max"], level) for w in week}
        by_week = defaultdict(list)
        for day, ratio, vv in self.parcel.ratios:
            if not vv > -3:
                by_week[monday(day)].append(ratio)
        means = [fmean(v) for v in by_week.values()]
        mean, spread = (fmean(means), stdev(means)) if len(means) > 1 else (0.0, 0.0)
        least = max(spread / c["ampthrbreakden"], c["ampthrmin"])
        plain = {w: gt(t[w]["amp_change"], least) for w in week}
        m3 = dict(plain)
        for i in range(1, len(week) - 1):
            near = any(plain[week[k]] for k in (i - 1, i, i + 1))
            if gt(t[week[i]]["coh_change"], c["cohthrhigh"]) and near:
                m3[week[i]] = True
        height = mean - (spread / c["ampthrvalden"] if c["stddevinampthr"] else 0)
        m4 = {}
        for w in week:
            bare = gt(t[w]["coh_change"], c["cohthrhigh"]) and m1[w] and self.m["m2"][w] and m3[w]
            m4[w] = bool(gt(t[w]["amp_max"], height) or bare)
        self.m |= {"m3": m3, "m4": m4, "m5": m5}
        self.has_vegetation = any(gt(ndvi[w], c["optthrvegcycle"]) for w in self.season)
        radar = [w for w in week if m1[w] and m3[w] and m4[w] and m5[w] and w >= h_start]
        radar = radar if self.has_vegetation else []
        self.flags = [w for w in radar if self.m["m2"][w]]
        self.radar_harvest = radar[0] if radar else None
        self.harvest = self.flags[0] if self.flags else None
        self.harvest = self.o["previous"].get(row["SEQ_ID"], (None, 0))[0] or self.harvest
        self.h_start_week = h_start

    def neighbours(self, first):
        week, t = self.week, self.t
        self.before, self.after = dict.fromkeys(week), dict.fromkeys(week)
        inside = [w for w in week if w >= first]
        valid = [w for w in inside if t[w]["ndvi"] is not None]
        for w in inside:
            earlier = [v for v in valid if v < w]
            source = earlier[-1] if earlier else (w if w in valid else None)
            self.before[w] = t[source]["ndvi"] if source else None
        for i, w in enumerate(week):
            looked = i > 0 and w in inside
            just_before = i + 1 < len(week) and week[i + 1] in inside
            if looked or just_before:
                later = [v for v in valid if (v >= w if looked else v > w)]
                self.after[w] = t[later[0]]["ndvi"] if later else None
        for w in week:
            if t[w]["ndvi"] is not None and self.before[w] is None:
                self.before[w] = self.after[w]

    def m2(self, m1, ndvi, h_start):
        c = self.c
        weeks = [w for w in self.week if w in self.season and ndvi[w] is not None]
        self.drops = set()
        for a, b in pairwise(weeks):
            if m1[b] is not False and gt(ndvi[a], ndvi[b]) and gt(c["ndviup"], ndvi[b]):
                self.drops.add(b)
        result = dict.fromkeys(self.week, False)
        if not self.drops:
            return result
        values = [ndvi[w] for w in weeks]
        limit = loss_threshold(values, [ndvi[w] for w in self.drops], c["ndvidw"], c["ndviup"], c["ndvistep"])
        buffer = 0
        if sum(m1[w] is True for w in weeks) > 1:
            buffer = max(0, rounded((max(values) - limit) / c["optthrbufden"]))
        wide = limit + buffer
        start = h_start
        for w in self.week:
            a, b = self.before[w], self.after[w]
            if w >= h_start and gt(wide, b) and gt(a, limit) and gt(a, b):
                start = w
                break
        for w in self.week:
            a, b = self.before[w], self.after[w]
            if a is not None and b is not None and w >= start:
                low = gt(wide, a) or gt(wide, b)
                result[w] = low and gt(a, c["optthrmin"]) and gt(a + c["ndvidw"], b)
        return result

    def gaps(self):
        points = [date(self.veg.year, 1, 1), *self.week, self.o["limit"]]
        totals = [0, 0, 0, 0]
        spans = [
            (self.h_start_week, self.h_end_week, 1),
            (monday(self.p_start), monday(self.p_end), 1),
            (self.harvest - days(35), self.harvest, 0) if self.harvest else (None, None, 0),
        ]
        for a, b in pairwise(points):
            if (b - a).days > 7:
                totals[0] += (b - a).days // 7 - 1
            for k, (first, last, less) in enumerate(spans, start=1):
                if first and last and b > first and a < last:
                    n = (min(b, last) - max(a, first)).days
                    totals[k] += n // 7 - less if n > 7 else 0
        totals[3] = self.o["previous"].get(self.row["SEQ_ID"], (None, 0))[1] or totals[3]
        return totals

    def practice(self):
        name, run = self.row["PRACTICE"], self.o["practice"]
        if run == "NA" or name == "NA" or not self.p_start:
            return None, None, [None] * 5, "NA"
        start, end, markers, index = self.p_start, self.p_end, [None] * 5, "NA"
        if "CatchCrop" in name or name in ("Fallow", "NFC"):
            judge = {"CC": self.catch_crop, "FL": self.fallow, "NFC": self.nfc}[run]
            start, end, markers, index = judge()
        if end and end > self.last:
            index = "NR"
        return start, end, markers, index

    def catch_start(self):
        c, t = self.c, self.t
        period = c["catchperiod"]
        a, week_a = self.p_start, monday(self.p_start)
        earliest = c["catchperiodstart"] or date.min
        start = a
        if self.harvest:
            flags = [w for w in self.flags if w <= week_a]
            start = flags[-1] if flags else self.harvest
        first = max(start, earliest)
        if (self.last - first).days < period - 1:
            return max(a, earliest)
        ndvi = [t[w]["ndvi"] for w in self.week if first <= w <= a + days(period - 1)]
        ndvi = [v for v in ndvi if v is not None]
        low = high = c["efandvidw"]
        if ndvi:
            high, low = max(ndvi), max(min(ndvi), c["efandvidw"])
            if gt(low, c["ndviup"]):
                low = c["efandviup"]
        limit = low + max(10, (high - low) * c["catchproportion"])
        m2 = [w for w in self.week if self.m["m2"][w]]
        from_week = self.harvest or (m2[0] if m2 else first)
        least = max(from_week, monday(earliest) if c["catchperiodstart"] else date.min)
        breaks = [
            w
            for w in self.week
            if least <= w <= week_a and gt(limit, self.after[w]) and self.m["m3"][w] and self.m["m5"][w]
        ]
        start = breaks[-1] if breaks else from_week
        for x, y in pairwise(breaks):
            if (y - x).days >= period:
                start = x
        return max(start, earliest)

    def catch_crop(self):
        c = self.c
        start, end = self.p_start, self.p_end
        if not end:
            start = self.catch_start()
            end = start + days(c["catchperiod"] - 1)
        week = monday(start)
        if self.last <= week or not self.has_vegetation:
            return start, end, ["NR"] * 5, "NR"
        if self.row["P_TYPE"] not in (c["catchmain"], c["catchcropismain"]):
            season = monday(self.veg_start)
            possible = self.harvest <= week if self.harvest else any(season <= w <= week for w in self.drops)
            if not possible:
                return start, end, ["NR"] * 5, "POOR"
        rows = efa(self.parcel, start, end, c)
        late = week + days(21)
        m6 = any(r["m6"] for r in rows.values())
        if not m6 and all(r["m6"] is None for w, r in rows.items() if w >= late):
            m6 = None
        m7 = None if m6 is None else every(rows, "m7", late)
        m8 = None if m6 is None else every(rows, "m8", date.min)
        m9 = every(rows, "m9", date.min)
        m10 = all(r["m10"] for w, r in rows.items() if w >= week + days(14))
        markers = [m6, m7, m8, m9, m10]
        wrong = sum(m is False for m in markers)
        if m6 is None and m7 is None and m8 is None:
            return start, end, markers, "WEAK" if wrong else "MODERATE"
        return start, end, markers, ["STRONG", "MODERATE", "WEAK", "POOR"][min(wrong, 3)]

    def period(self):
        return monday(self.p_start), monday(self.p_end) or date.min

    def fallow(self):
        c, country, kind = self.c, self.row["COUNTRY"], self.row["P_TYPE"]
        week_a, week_b = self.period()
        nothing = ["NR"] * 4
        if self.last <= week_a:
            return self.p_start, self.p_end, ["NR", *nothing], "NR"
        rows = efa(self.parcel, self.p_start, self.p_end, c)
        m6 = any(r["m6"] for r in rows.values())
        no_ndvi = all(r["m6"] is None for r in rows.values())
        harvest = self.harvest
        if country == "LTU":
            run = best = 0
            for r in rows.values():
                run = run + 1 if r["m10"] else 0
                best = max(best, run)
            stable = best >= 9
            index = "NA"
            if kind == "PDJ":
                index = "WEAK" if stable else "STRONG"
                self.forget = not stable
                m6 = "NR"
            elif kind == "PDZ":
                if not stable or not m6:
                    index = "WEAK"
                elif not harvest or harvest <= week_b - days(62) or harvest > week_b + days(7):
                    index = "MODERATE"
                else:
                    index = "STRONG"
                m6 = None if no_ndvi else m6
            return self.p_start, self.p_end, [m6, "NR", "NR", "NR", stable], index
        if country == "CZE":
            if not m6:
                return self.p_start, self.p_end, [m6, *nothing], "POOR"
            if harvest and week_a < harvest <= week_b:
                return self.p_start, self.p_end, [m6, *nothing], "WEAK"
            first, last = c["flmarkstartdate"], c["flmarkstenddate"]
            marks = efa(self.parcel, first - days(30), last + days(30), c)
            following, lost = None, False
            for w in reversed(marks):
                following = marks[w]["m8"] if marks[w]["m8"] is not None else following
                if following is False and monday(first) <= w <= monday(last) + days(7):
                    lost = True
            return (
                self.p_start,
                self.p_end,
                [m6, "NR", not lost, "NR", "NR"],
                "STRONG" if lost else "MODERATE",
            )
        week_c = monday(c["flmarkstartdate"]) if country.startswith("ITA") else week_b
        if not m6:
            index = "STRONG"
        else:
            index = "WEAK" if harvest and week_a < harvest <= week_c else "MODERATE"
        return self.p_start, self.p_end, [None if no_ndvi else m6, *nothing], index

    def nfc(self):
        c, country = self.c, self.row["COUNTRY"]
        week_a, week_b = self.period()
        nothing = ["NR"] * 4
        if self.last <= week_a:
            return self.p_start, self.p_end, ["NR", *nothing], "NR"
        harvest = self.harvest
        rows = efa(self.parcel, self.p_start, self.p_end, c)
        m6 = any(r["m6"] for r in rows.values())
        if country == "CZE":
            season = efa(self.parcel, monday(self.veg_start), self.p_end, c)
            if not any(r["m6"] for r in season.values()):
                return self.p_start, self.p_end, [False, *nothing], "POOR"
            if harvest and week_a < harvest <= week_b:
                return self.p_start, self.p_end, [True, *nothing], "WEAK"
            return self.p_start, self.p_end, [m6, *nothing], "STRONG" if m6 else "MODERATE"
        if not m6:
            index = "POOR" if country == "ESP" or country.startswith("ITA") else "WEAK"
        elif not harvest:
            index = "MODERATE"
        else:
            index = "WEAK" if country == "ROU" and week_a < harvest < week_b else "STRONG"
        if all(r["m6"] is None for r in rows.values()):
            m6 = None
            index = "NR" if country == "ROU" else index
        return self.p_start, self.p_end, [m6, *nothing], index

    def tillage(self, harvest):
        c, t = self.c, self.t
        if harvest not in t:
            return None
        top = self.parcel.top
        level = c["tlcohthrabs"] if not gt(c["tlcohthrabs"], top) else top - c["tlcohthrbase"]
        before = self.m["m5"][harvest]
        found = None
        for w in self.week:
            if w <= harvest or w > (c["tlmonitoringenddate"] or self.last):
                continue
            green = gt(t[w]["ndvi"], c["optthrvegcycle"])
            self.m["m1"][w] = green
            if found is None and green:
                found = "NR"
            elif found is None:
                now = ge(t[w]["coh_change"], c["tlcohthrbase"]) or ge(t[w]["coh_max"], level)
                self.m["m5"][w] = now
                if before and not now:
                    found = w
                before = now
        return found

    def weekly(self):
        """M1 to M5 of every week, once ``run`` is through."""
        names = ("m1", "m2", "m3", "m4", "m5")
        return [[text_of(self.m[name][w]) for name in names] for w in self.week] if self.t else []


def as_settings(settings) -> Mapping[str, object]:
    """Settings as the original holds them: thresholds as 32-bit numbers, M10's 0 when not given."""
    whole = ("efandvithr", "efandviup", "efandvidw", "catchperiod")
    held = {
        name: float(np.float32(value)) if isinstance(value, float) and name not in whole else value
        for name, value in settings.model_dump().items()
    }
    return held | {name: 0.0 for name in ("efacohchange", "efacohvalue") if name not in settings.named}
