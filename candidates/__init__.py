"""Candidates for the next round of locks: one folder a paper, one file a claim; predicted and piloted, not locked."""
