"""Small mistakes of the domain; the oracle has to find each of them out."""

# (the mistake, module of the domain, what stands there, what the mistake makes of it)
MUTANTS = [
    (
        "a version that comes late moves the level",
        "decide",
        "moved = entry.version > lane.version",
        "moved = entry.version >= lane.version - 1",
    ),
    (
        "the shipments of a version that comes late are not told",
        "decide",
        "if moved or entry.shipped:",
        "if moved:",
    ),
    (
        "a version that comes late is told for nothing",
        "decide",
        "if moved or entry.shipped:",
        "if True:",
    ),
    (
        "a version that comes late is told with its own level",
        "decide",
        "entry.on_hand if moved else lane.on_hand",
        "entry.on_hand",
    ),
    (
        "a repetition is taken for a contradiction",
        "decide",
        "return () if seen.content == content",
        "return () if seen.contested",
    ),
    (
        "an older version of a delivery takes the place of a newer one",
        "decide",
        "known is None or entry.version > known.version",
        "True",
    ),
    (
        "the first promise of a delivery moves with the newest",
        "deliveries",
        "known.first_promised_at if known else entry.promised_at",
        "entry.promised_at",
    ),
    (
        "of the receipts of a delivery only the last counts",
        "deliveries",
        "before.in_stock + units",
        "units",
    ),
    (
        "the same list of deliveries is told twice",
        "deliveries",
        "if _listed(before) != _listed(after):",
        "if after.is_open:",
    ),
    (
        "no delivery is overdue",
        "deliveries",
        "overdue=_is_overdue(after, now)",
        "overdue=False",
    ),
    (
        "deliveries stand in the order in which they were announced",
        "deliveries",
        "sorted(found, key=lambda item: item[:2])",
        "found",
    ),
    (
        "what was received and stands in stock is doubted",
        "doubts",
        "announced.received > delivery.in_stock",
        "announced.received >= delivery.in_stock",
    ),
    (
        "a receipt that nobody announced is not doubted",
        "doubts",
        "if delivery.in_stock > 0 else ()",
        "if False else ()",
    ),
    (
        "more in stock than was announced is not doubted",
        "doubts",
        "if delivery.come > announced.quantity",
        "if announced.received > announced.quantity",
    ),
    (
        "a doubt begins anew with each record",
        "doubts",
        "known.get(kind) or Doubt(kind, now)",
        "Doubt(kind, now)",
    ),
    (
        "units that are in stock already are still to come",
        "model",
        "max(self.announced.received if self.announced else 0, self.in_stock)",
        "self.announced.received if self.announced else 0",
    ),
    (
        "people hear of a doubt before it has lasted",
        "deliveries",
        "doubt.since + rules.grace",
        "doubt.since",
    ),
    (
        "a delivery that was cancelled is still to come",
        "model",
        'or self.announced.status == "cancelled"',
        "",
    ),
]
