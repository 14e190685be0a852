"""Families of generators: each reads the published weight files of one architecture; one file each."""
