"""What has been computed: records that appear whole, checkpoints, stores merged; knows no claims and no torch."""

from harness.store._checkpoints import (
    CheckpointSaver,
    checkpoint_name,
    discard_checkpoints,
    found_checkpoints,
)
from harness.store._merge import Merged, merge_into, merge_told
from harness.store._records import MemberRecord, Record, digest
from harness.store._store import Entry, Store, Writer, Written, check_records, now

__all__ = [
    "CheckpointSaver",
    "Entry",
    "MemberRecord",
    "Merged",
    "Record",
    "Store",
    "Writer",
    "Written",
    "check_records",
    "checkpoint_name",
    "digest",
    "discard_checkpoints",
    "found_checkpoints",
    "merge_into",
    "merge_told",
    "now",
]
