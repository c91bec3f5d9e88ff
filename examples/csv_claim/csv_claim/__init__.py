"""Claims of papers, a folder of each; the table that they are about lies beside them."""
