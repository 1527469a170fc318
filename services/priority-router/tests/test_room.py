"""The room that is left up to a place is what a slow count of it finds."""

from hypothesis import given
from hypothesis import strategies as st

from priority_router.domain.room import Room

PLACES = st.integers(-9, 30)


def left(taken, places, place):
    """Up to no place from there on may more be served than there is room."""
    return min(end - sum(units for at, units in taken if at <= end) for end in places if end >= place)


@given(st.lists(st.tuples(PLACES, st.integers(1, 9)), min_size=1, max_size=12), st.data())
def test_whatever_is_taken_the_room_up_to_each_place_is_what_is_left_before_all_later_ones(steps, data):
    places = {place for place, _ in steps} | set(data.draw(st.lists(PLACES, max_size=4)))
    room, taken = Room(places), []
    for step in steps:
        room.take(*step)
        taken.append(step)
        assert [room.upto(place) for place in sorted(places)] == [left(taken, places, p) for p in sorted(places)]
