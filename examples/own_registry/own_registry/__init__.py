"""Claims of papers, a folder of each, with a registry of their own."""
