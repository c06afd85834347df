# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long random tests search, and where they keep their journals."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

# `ci` is what `make test` searches, and `quick`, for everybody who waits, is a sample of it. Both are short: a failing
# sequence is shown as found, not minimised. HYPOTHESIS_PROFILE=long searches for minutes
# and minimises what it finds.
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "ci",
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=QUIET,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=30)
settings.register_profile("long", max_examples=3000, stateful_step_count=50, deadline=None, suppress_health_check=QUIET)
# Thousands of sequences of operations, in under a minute on two cores.
settings.register_profile("many", settings.get_profile("ci"), derandomize=False)
# For `make mutate`, which runs the same tests hundreds of times.
settings.register_profile("mutate", settings.get_profile("ci"), max_examples=40)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
THOROUGH = PROFILE == "long"
#: From one place where an operation is killed to the next, in changes that it makes; and where it is rarer. Odd, since
#: what follows a kill goes by the place's number.
STRIDE = 19 if PROFILE == "quick" else 1
RARELY = 1 if THOROUGH else 53 if PROFILE == "quick" else 5
#: After one of so many kills the whole way is gone again.
WHOLE_WAY = 1 if THOROUGH else 13 if PROFILE == "quick" else 4
#: Of cases of one kind that are many, one in so many.
ONE_IN = 5 if PROFILE == "quick" else 1
#: How many sequences of operations are tried on the faked host.
SEQUENCES = {"quick": 40, "ci": 240, "mutate": 40, "many": 2400}.get(PROFILE, 3000)
settings.load_profile(PROFILE)
#: The journal is flushed line by line, which costs nothing in memory.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
