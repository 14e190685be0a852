"""Photographs in the studio, without its pages: kept in memory, hidden in part, packed for a download."""
