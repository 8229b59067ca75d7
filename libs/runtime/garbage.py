"""Look for garbage in cycles less often than Python does by itself.

A batch makes tens of thousands of objects that die with it, and next to no cycles. By default Python looks through its
young objects after every 700 of them, and through all there are, the engine's whole window too, whenever those that
survived have grown by a quarter: a fifth of what triage computes on arrival was spent on it.
"""

import gc

_YOUNG = 50_000


def look_for_garbage_less_often() -> None:
    """Look after every 50,000 new objects, and never again through those that are there now: modules and classes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
