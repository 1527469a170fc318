"""A line in the oracle's words; and who is served when: a list of lines, one entry per unit, the next one first."""


def new_line(order, band, due, placed, *, complete):
    units = dict.fromkeys(("need", "alloc", "rel", "counted", "shipped", "cancelled", "worsened", "away"), 0)
    flags = dict.fromkeys(("held", "lending", "breached", "pinned", "sent"), False)
    nothing = dict.fromkeys(("closed", "promise", "place", "release_at"))
    what = {"order": order, "band": band, "due": due, "placed": placed, "complete": complete}
    return {**what, **units, **flags, **nothing}


def last_of(x, line):
    """The place of the last unit of a line, 1 being the next one."""
    return max(n for n, y in enumerate(line, 1) if y is x)


def in_line(oracle):
    """The order of rank; but protected lines that it serves too late are taken out, until none is late."""
    taken = []
    while True:
        line = sequence(oracle, taken)
        late = [x for x in oracle.takers(lending=False) if x not in taken and is_late(oracle, x, line)]
        if not late:
            return line
        taken += late


def is_late(oracle, x, line):
    return oracle.protected(x) and x["place"] is not None and last_of(x, line) > x["place"] - oracle.given


def sequence(oracle, taken):
    """All units in the order of rank, but those of the taken lines as late as their places allow."""
    taken = sorted(taken, key=lambda x: (x["place"], oracle.rank(x)))
    starts, end = [], 10**9
    for x in reversed(taken):
        end = min(end, x["place"] - oracle.given) - oracle.waiting(x)
        starts.insert(0, end + 1)
    others = [x for x in oracle.takers(lending=False) if x not in taken for _ in range(oracle.waiting(x))]
    line = []
    while others or starts:
        if starts and (len(line) + 1 >= starts[0] or not others):
            starts.pop(0)
            x = taken.pop(0)
            line += [x] * oracle.waiting(x)
        else:
            line.append(others.pop(0))
    return line
