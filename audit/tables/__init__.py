"""The published tables: schemas, columns, spreadsheet cells."""
