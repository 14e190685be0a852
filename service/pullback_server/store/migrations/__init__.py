"""Migrations of the schema, one module per version: what that version added, as it was then. Alembic reads them."""
