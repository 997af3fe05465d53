"""Every problem code with its smallest failing world and its whole text, as `render` prints it."""

from __future__ import annotations

from typing import Final

from world import World
from worlds_asking import ASKING
from worlds_checking import CHECKING
from worlds_composing import COMPOSING
from worlds_locking import LOCKING
from worlds_proving import PROVING
from worlds_reading import READING
from worlds_training import TRAINING

WORLDS: Final[list[World]] = [*READING, *COMPOSING, *LOCKING, *PROVING, *ASKING, *TRAINING, *CHECKING]
