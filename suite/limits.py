"""How large things may be. Beyond it they are refused in one line, before they cost memory or processes.

What a device can need lies far below each limit; docs/runs.md says why each of them is there. The limits of a power
log and of a checkpoint stand with their readers.
"""

from __future__ import annotations

MIB = 2**20

# Text and numbers of a record, a manifest, a plan
MAX_NAME_LENGTH = 64  # of a plan, a model, an axis
MAX_TEXT_LENGTH = 65_536  # characters; what is longer is cut, and says so
MAX_PATH_LENGTH = 4096  # the kernel's own limit
MAX_NUMBER = 1e30  # no quantity in SI units is larger, and squares of it are still numbers
MAX_INTEGER = 2**63 - 1
MAX_DURATION_S = 1e8  # three years
MIN_DURATION_S = 1e-12  # no clock tells less

# What is asked for
MAX_THREAD_COUNT = 1024
THREADS_PER_CPU = 4  # more of them only wait for one another
FREE_THREAD_COUNT = 64  # so many may be asked for on any machine
MAX_TASK_COUNT = 50_000
MAX_SIZE_COUNT = 1000  # sizes along one axis
MAX_INPUT_SIZE = 10**9
MAX_CALL_COUNT = 10_000_000
MAX_WINDOW_COUNT = 10_000
MAX_HYPOTHESIS_COUNT = 50  # of a plan; each is looked at after every round
MAX_HYPOTHESIS_TEXT_LENGTH = 300
MAX_TAG_COUNT = 20  # of a run; each is a row of its report and a column of its tables
MAX_TAG_LENGTH = 200
MAX_PERCENTILE_COUNT = 20
MAX_PERCENTILE = 99.999  # beyond it, half a million calls would be needed
MAX_EVALUATION_COUNT = 50  # of a plan

# JSON: a line of records.jsonl, and run.json. Values are counted by the commas before anything is parsed
MAX_JSON_DEPTH = 64
MAX_JSON_BYTES = 64 * MIB
MAX_JSON_VALUE_COUNT = 3_000_000
MAX_JSON_CONTAINER_COUNT = 500_000

# records.jsonl
MAX_RECORDS_BYTES = 1024 * MIB
MAX_RECORDS_VALUE_COUNT = 12_000_000
MAX_DAMAGED_LINE_COUNT = 1000

# A plan file, and models.lock
MAX_PLAN_BYTES = MIB // 4
MAX_PLAN_DEPTH = 64
MAX_LOCK_BYTES = 4 * MIB
