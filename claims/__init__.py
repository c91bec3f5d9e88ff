"""The claims: one folder a paper, one file a claim."""
