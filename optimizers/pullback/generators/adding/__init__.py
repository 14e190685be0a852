"""Adding of generators to a catalogue file: from a file of weights to an entry, without writing it by hand."""
