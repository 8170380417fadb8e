"""The definition of the tables: brought up to date, compared, and who may do what with them."""
