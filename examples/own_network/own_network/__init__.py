"""Claims of papers, a folder of each."""
